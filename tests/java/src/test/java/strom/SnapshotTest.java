package strom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.ConnectionFactory;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.admin.KvSnapshotLease;
import org.apache.fluss.client.admin.ProducerOffsetsResult;
import org.apache.fluss.client.admin.RegisterResult;
import org.apache.fluss.client.metadata.KvSnapshots;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.ScanRecord;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.client.table.writer.UpsertWriter;
import org.apache.fluss.config.ConfigOptions;
import org.apache.fluss.config.Configuration;
import org.apache.fluss.fs.FsPathAndFileName;
import org.apache.fluss.metadata.DatabaseDescriptor;
import org.apache.fluss.metadata.Schema;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TableDescriptor;
import org.apache.fluss.metadata.TablePath;
import org.apache.fluss.record.ChangeType;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.types.DataTypes;
import org.apache.fluss.utils.CloseableIterator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksIterator;

/** Snapshots that Strom takes, read by the client's own RocksDB (6.20). */
@Timeout(120)
class SnapshotTest {
    private static final String DATABASE = "snapshots";

    @TempDir static Path folder;
    private static StromServer server;
    private static Connection connection;
    private static Admin admin;

    @BeforeAll
    static void start() throws Exception {
        server =
                new StromServer(
                                folder,
                                "kv.snapshot.interval=500ms",
                                "remote.data.dir=" + folder.resolve("remote"))
                        .start();
        Configuration configuration = new Configuration();
        configuration.setString("bootstrap.servers", server.address());
        configuration.set(ConfigOptions.CLIENT_SCANNER_IO_TMP_DIR, folder.resolve("tmp").toString());
        connection = ConnectionFactory.createConnection(configuration);
        admin = connection.getAdmin();
        admin.createDatabase(DATABASE, DatabaseDescriptor.EMPTY, true).get();
    }

    @AfterAll
    static void stop() throws Exception {
        connection.close();
        assertEquals(0, server.stop());
    }

    private static Table table(String name, int buckets) throws Exception {
        Schema schema =
                Schema.newBuilder()
                        .column("id", DataTypes.INT())
                        .column("name", DataTypes.STRING())
                        .column("score", DataTypes.DOUBLE())
                        .primaryKey("id")
                        .build();
        TablePath path = TablePath.of(DATABASE, name);
        admin.createTable(
                        path, TableDescriptor.builder().schema(schema).distributedBy(buckets, "id").build(), false)
                .get();
        return connection.getTable(path);
    }

    private static GenericRow row(int id, String name, Double score) {
        return GenericRow.of(id, name == null ? null : BinaryString.fromString(name), score);
    }

    /** Waits until the snapshots of all buckets end where the changelog ends. */
    private static KvSnapshots snapshotOf(Table table, long rowsWritten) throws Exception {
        TablePath path = table.getTableInfo().getTablePath();
        while (true) {
            KvSnapshots snapshots = admin.getLatestKvSnapshots(path).get();
            long sum = 0;
            for (int bucket : snapshots.getBucketIds()) {
                sum += snapshots.getLogOffset(bucket).orElse(0);
            }
            if (sum >= rowsWritten) {
                return snapshots;
            }
            Thread.sleep(50);
        }
    }

    private static Map<Integer, List<Object>> readSnapshot(Table table, KvSnapshots snapshots) throws Exception {
        Map<Integer, List<Object>> rows = new TreeMap<>();
        for (TableBucket bucket : snapshots.getTableBuckets()) {
            long id = snapshots.getSnapshotId(bucket.getBucket()).getAsLong();
            try (BatchScanner scanner = table.newScan().createBatchScanner(bucket, id)) {
                CloseableIterator<InternalRow> batch;
                while ((batch = scanner.pollBatch(Duration.ofSeconds(10))) != null) {
                    while (batch.hasNext()) {
                        InternalRow row = batch.next();
                        List<Object> plain =
                                Rows.plain(row, table.getTableInfo().getRowType().getChildren());
                        assertNull(rows.put(row.getInt(0), plain), "a key comes once");
                    }
                    batch.close();
                }
            }
        }
        return rows;
    }

    @Test
    void theClientReadsAWholeSnapshotAndGoesOnInTheChangelog() throws Exception {
        Table table = table("whole", 3);
        Map<Integer, List<Object>> expected = new TreeMap<>();
        UpsertWriter writer = table.newUpsert().createWriter();
        for (int id = 0; id < 5000; id++) {
            writer.upsert(row(id, id % 7 == 0 ? null : "name-" + id, id / 2.0));
            List<Object> plain = new ArrayList<>();
            plain.add(String.valueOf(id));
            plain.add(id % 7 == 0 ? null : "name-" + id);
            plain.add(String.valueOf(id / 2.0));
            expected.put(id, plain);
        }
        writer.flush();
        for (int id = 0; id < 5000; id += 10) {
            writer.delete(row(id, null, null));
            expected.remove(id);
        }
        writer.flush();
        KvSnapshots snapshots = snapshotOf(table, 5500);
        assertEquals(expected, readSnapshot(table, snapshots));

        // What is written behind the snapshot is found from its offset on, and nothing else.
        for (int id = 10_000; id < 10_100; id++) {
            writer.upsert(row(id, "later", 0.0));
        }
        writer.flush();
        int later = 0;
        try (LogScanner scanner = table.newScan().createLogScanner()) {
            for (int bucket : snapshots.getBucketIds()) {
                scanner.subscribe(bucket, snapshots.getLogOffset(bucket).getAsLong());
            }
            while (later < 100) {
                for (ScanRecord record : scanner.poll(Duration.ofSeconds(1))) {
                    assertEquals(ChangeType.INSERT, record.getChangeType());
                    assertTrue(record.getRow().getInt(0) >= 10_000);
                    later++;
                }
            }
        }
        assertEquals(100, later);
    }

    @Test
    void rocksDb620OpensTheFilesForReadingAndForWriting() throws Exception {
        Table table = table("files", 1);
        UpsertWriter writer = table.newUpsert().createWriter();
        // Enough for several blocks, compressed and with filters.
        for (int id = 0; id < 20_000; id++) {
            writer.upsert(row(id, "some text that compresses " + id % 10, 1.5));
        }
        writer.flush();
        KvSnapshots snapshots = snapshotOf(table, 20_000);
        TableBucket bucket = snapshots.getTableBuckets().iterator().next();
        Path copy = Files.createDirectories(folder.resolve("copy"));
        for (FsPathAndFileName file :
                admin.getKvSnapshotMetadata(bucket, snapshots.getSnapshotId(0).getAsLong()).get().getSnapshotFiles()) {
            Files.copy(Path.of(file.getPath().getPath()), copy.resolve(file.getFileName()));
        }
        RocksDB.loadLibrary();
        try (RocksDB db = RocksDB.openReadOnly(copy.toString())) {
            assertEquals(20_000, count(db));
        }
        List<ColumnFamilyDescriptor> families = new ArrayList<>();
        try (Options options = new Options()) {
            for (byte[] name : RocksDB.listColumnFamilies(options, copy.toString())) {
                families.add(new ColumnFamilyDescriptor(name));
            }
        }
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (DBOptions options = new DBOptions();
                RocksDB db = RocksDB.open(options, copy.toString(), families, handles)) {
            assertEquals(20_000, count(db));
            db.put(new byte[] {1, 2, 3, 4, 5, 6}, new byte[] {1, 0});
            db.compactRange();
            assertEquals(20_001, count(db));
            handles.forEach(ColumnFamilyHandle::close);
        }
    }

    private static int count(RocksDB db) throws Exception {
        int count = 0;
        try (RocksIterator iterator = db.newIterator()) {
            for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                count++;
            }
            iterator.status();
        }
        return count;
    }

    @Test
    void aLeaseKeepsASnapshotReadable() throws Exception {
        Table table = table("leased", 1);
        UpsertWriter writer = table.newUpsert().createWriter();
        writer.upsert(row(1, "first", 1.0));
        writer.flush();
        KvSnapshots first = snapshotOf(table, 1);
        TableBucket bucket = first.getTableBuckets().iterator().next();
        KvSnapshotLease lease = admin.createKvSnapshotLease("job-1", 60_000);
        assertTrue(
                lease.acquireSnapshots(Map.of(bucket, first.getSnapshotId(0).getAsLong()))
                        .get()
                        .getUnavailableTableBucketSet()
                        .isEmpty());
        for (int step = 1; step <= 4; step++) {
            writer.upsert(row(1, "step " + step, 1.0));
            writer.flush();
            snapshotOf(table, 1 + 2L * step);
        }
        assertEquals("first", readSnapshot(table, first).get(1).get(1));
        lease.renew().get();
        lease.releaseSnapshots(java.util.Set.of(bucket)).get();
        lease.dropLease().get();
    }

    @Test
    void offsetsOfAProducerAreRegisteredOnce() throws Exception {
        Table table = table("producer", 2);
        long id = table.getTableInfo().getTableId();
        Map<TableBucket, Long> offsets = Map.of(new TableBucket(id, 0), 10L, new TableBucket(id, 1), 20L);
        assertNull(admin.getProducerOffsets("sink").get());
        assertEquals(RegisterResult.CREATED, admin.registerProducerOffsets("sink", offsets).get());
        assertEquals(
                RegisterResult.ALREADY_EXISTS,
                admin.registerProducerOffsets("sink", Map.of(new TableBucket(id, 0), 11L)).get());
        ProducerOffsetsResult known = admin.getProducerOffsets("sink").get();
        assertEquals(offsets, known.getTableOffsets().get(id));
        admin.deleteProducerOffsets("sink").get();
        assertNull(admin.getProducerOffsets("sink").get());
    }
}
