package strom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.admin.OffsetSpec;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.ScanRecord;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.client.table.writer.AppendWriter;
import org.apache.fluss.exception.DatabaseAlreadyExistException;
import org.apache.fluss.exception.DatabaseNotEmptyException;
import org.apache.fluss.exception.InvalidConfigException;
import org.apache.fluss.exception.TableAlreadyExistException;
import org.apache.fluss.exception.TableNotExistException;
import org.apache.fluss.metadata.DatabaseDescriptor;
import org.apache.fluss.metadata.Schema;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TableDescriptor;
import org.apache.fluss.metadata.TablePath;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.GenericArray;
import org.apache.fluss.row.GenericMap;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DataTypes;
import org.apache.fluss.utils.CloseableIterator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What users do with log tables, driven by the real Java client. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class LogTableTest extends OneServer {
    private static TableDescriptor.Builder numbersTable(int buckets) {
        Schema schema =
                Schema.newBuilder()
                        .column("id", DataTypes.BIGINT())
                        .column("name", DataTypes.STRING())
                        .build();
        return TableDescriptor.builder().schema(schema).distributedBy(buckets);
    }

    private static GenericRow number(long id) {
        return GenericRow.of(id, BinaryString.fromString("row-" + id));
    }

    private static void append(Table table, long first, long count) {
        AppendWriter writer = table.newAppend().createWriter();
        for (long i = first; i < first + count; i++) {
            writer.append(number(i));
        }
        writer.flush();
    }

    /** Polls until `count` records came; their rows as plain lists, in order of arrival. */
    private static List<List<Object>> poll(LogScanner scanner, int count, List<DataType> types) {
        List<List<Object>> rows = new ArrayList<>();
        while (rows.size() < count) {
            for (ScanRecord record : scanner.poll(Duration.ofMillis(500))) {
                rows.add(Rows.plain(record.getRow(), types));
            }
        }
        assertEquals(count, rows.size());
        return rows;
    }

    private static List<Long> pollIds(LogScanner scanner, int count) {
        List<Long> ids = new ArrayList<>();
        while (ids.size() < count) {
            for (ScanRecord record : scanner.poll(Duration.ofMillis(500))) {
                ids.add(record.getRow().getLong(0));
            }
        }
        assertEquals(count, ids.size());
        return ids;
    }

    private static Schema schemaOf(List<DataType> types) {
        Schema.Builder schema = Schema.newBuilder();
        for (int i = 0; i < types.size(); i++) {
            schema.column("c" + i, types.get(i));
        }
        return schema.build();
    }

    @ParameterizedTest
    @CsvSource({"ARROW,NONE", "ARROW,LZ4_FRAME", "ARROW,ZSTD", "INDEXED,ZSTD", "COMPACTED,ZSTD"})
    void everyTypeWithLimitsAndNullsSurvives(String format, String compression) throws Exception {
        List<DataType> types = Rows.everyType();
        Table table =
                create(
                        TableDescriptor.builder()
                                .schema(schemaOf(types))
                                .distributedBy(1)
                                .property("table.log.format", format)
                                .property("table.log.arrow.compression.type", compression)
                                .build());
        AppendWriter writer = table.newAppend().createWriter();
        List<List<Object>> expected = new ArrayList<>();
        for (GenericRow row : Rows.everyTypeRows()) {
            expected.add(Rows.plain(row, types));
            writer.append(row);
        }
        writer.flush();
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            assertEquals(expected, poll(scanner, 3, types));
        }
    }

    @Test
    void nestedTypesSurviveWithAndWithoutProjection() throws Exception {
        List<DataType> types =
                List.of(
                        DataTypes.INT(),
                        DataTypes.ARRAY(DataTypes.STRING()),
                        DataTypes.MAP(DataTypes.STRING(), DataTypes.BIGINT()),
                        DataTypes.ROW(
                                DataTypes.FIELD("x", DataTypes.DOUBLE()),
                                DataTypes.FIELD("labels", DataTypes.ARRAY(DataTypes.INT()))));
        Table table = create(TableDescriptor.builder().schema(schemaOf(types)).distributedBy(1).build());
        List<GenericRow> rows =
                List.of(
                        GenericRow.of(
                                1,
                                GenericArray.of(BinaryString.fromString("a"), null),
                                GenericMap.of(BinaryString.fromString("k"), 7L),
                                GenericRow.of(1.5, new GenericArray(new int[] {1, 2}))),
                        GenericRow.of(2, GenericArray.of(), GenericMap.of(), GenericRow.of(null, null)),
                        GenericRow.of(3, null, null, null));
        AppendWriter writer = table.newAppend().createWriter();
        List<List<Object>> expected = new ArrayList<>();
        for (GenericRow row : rows) {
            expected.add(Rows.plain(row, types));
            writer.append(row);
        }
        writer.flush();
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            assertEquals(expected, poll(scanner, 3, types));
        }
        try (LogScanner scanner = fromBeginning(table, table.newScan().project(new int[] {3, 1}))) {
            List<List<Object>> projected = new ArrayList<>();
            expected.forEach(row -> projected.add(Arrays.asList(row.get(3), row.get(1))));
            assertEquals(projected, poll(scanner, 3, List.of(types.get(3), types.get(1))));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NONE", "LZ4_FRAME", "ZSTD"})
    void projectionInAnyOrderReturnsJustThoseColumns(String compression) throws Exception {
        List<DataType> types = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            types.add(i % 2 == 0 ? DataTypes.BIGINT() : DataTypes.STRING());
        }
        Table table =
                create(
                        TableDescriptor.builder()
                                .schema(schemaOf(types))
                                .distributedBy(2)
                                .property("table.log.arrow.compression.type", compression)
                                .build());
        AppendWriter writer = table.newAppend().createWriter();
        List<List<Object>> written = new ArrayList<>();
        for (int r = 0; r < 200; r++) {
            GenericRow row = new GenericRow(12);
            for (int i = 0; i < 12; i++) {
                row.setField(i, i % 2 == 0 ? (Object) (r * 100L + i) : BinaryString.fromString(r + "/" + i));
            }
            written.add(Rows.plain(row, types));
            writer.append(row);
        }
        writer.flush();
        Random random = new Random(7);
        List<Integer> all = new ArrayList<>(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
        for (int round = 0; round < 8; round++) {
            Collections.shuffle(all, random);
            int[] fields = all.subList(0, 1 + random.nextInt(12)).stream().mapToInt(i -> i).toArray();
            List<DataType> projectedTypes = new ArrayList<>();
            for (int field : fields) {
                projectedTypes.add(types.get(field));
            }
            TreeSet<String> expected = new TreeSet<>();
            for (List<Object> row : written) {
                List<Object> projected = new ArrayList<>();
                for (int field : fields) {
                    projected.add(row.get(field));
                }
                expected.add(projected.toString());
            }
            try (LogScanner scanner = fromBeginning(table, table.newScan().project(fields))) {
                TreeSet<String> got = new TreeSet<>();
                poll(scanner, 200, projectedTypes).forEach(row -> got.add(row.toString()));
                assertEquals(expected, got);
            }
        }
    }

    @Test
    void rowsOfSeveralMegabytes() throws Exception {
        List<DataType> types = List.of(DataTypes.INT(), DataTypes.BYTES());
        Table table = create(TableDescriptor.builder().schema(schemaOf(types)).distributedBy(1).build());
        AppendWriter writer = table.newAppend().createWriter();
        List<List<Object>> expected = new ArrayList<>();
        for (int size : new int[] {4_000_000, 1, 6_000_000}) {
            byte[] blob = new byte[size];
            new Random(size).nextBytes(blob);
            GenericRow row = GenericRow.of(size, blob);
            expected.add(Rows.plain(row, types));
            writer.append(row).get();
        }
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            assertEquals(expected, poll(scanner, 3, types));
        }
    }

    @Test
    void manyBatchesOverSixteenBucketsAndSeveralWriters() throws Exception {
        Table table = create(numbersTable(16).build());
        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            long first = w * 10_000L;
            writers.add(
                    CompletableFuture.runAsync(
                            () -> {
                                try (Connection own = connect(server)) {
                                    Table mine = own.getTable(table.getTableInfo().getTablePath());
                                    for (int i = 0; i < 20; i++) {
                                        append(mine, first + i * 50, 50);
                                    }
                                } catch (Exception error) {
                                    throw new RuntimeException(error);
                                }
                            }));
        }
        for (CompletableFuture<Void> writer : writers) {
            writer.get();
        }
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            List<Long> ids = pollIds(scanner, 4000);
            Collections.sort(ids);
            List<Long> expected = new ArrayList<>();
            for (int w = 0; w < 4; w++) {
                expected.addAll(range(w * 10_000L, w * 10_000L + 1000));
            }
            assertEquals(expected, ids);
        }
        assertEquals(4000, admin.getTableStats(table.getTableInfo().getTablePath()).get().getRowCount());
    }

    @Test
    void offsetsByTimestampAndFromLatest() throws Exception {
        Table table = create(numbersTable(1).build());
        TablePath path = table.getTableInfo().getTablePath();
        append(table, 0, 10);
        Thread.sleep(20);
        long between = System.currentTimeMillis();
        Thread.sleep(20);
        append(table, 10, 5);
        assertEquals(0, offset(path, new OffsetSpec.EarliestSpec()));
        assertEquals(15, offset(path, new OffsetSpec.LatestSpec()));
        assertEquals(10, offset(path, new OffsetSpec.TimestampSpec(between)));
        assertThrows(
                ExecutionException.class,
                () -> offset(path, new OffsetSpec.TimestampSpec(System.currentTimeMillis() + 3_600_000)));
        try (LogScanner scanner = table.newScan().createLogScanner()) {
            scanner.subscribe(0, 12);
            assertEquals(range(12, 15), pollIds(scanner, 3));
            assertTrue(scanner.poll(Duration.ofMillis(100)).isEmpty());
            append(table, 15, 2);
            assertEquals(range(15, 17), pollIds(scanner, 2));
        }
    }

    private static long offset(TablePath path, OffsetSpec spec) throws Exception {
        return admin.listOffsets(path, List.of(0), spec).all().get().get(0);
    }

    @Test
    void limitScanReturnsTheNewestRows() throws Exception {
        Table table = create(numbersTable(1).build());
        for (int i = 0; i < 5; i++) {
            append(table, i * 10, 10);
        }
        TableBucket bucket = new TableBucket(table.getTableInfo().getTableId(), 0);
        for (int limit : new int[] {3, 25, 500}) {
            List<Long> ids = new ArrayList<>();
            try (BatchScanner scanner = table.newScan().limit(limit).createBatchScanner(bucket)) {
                for (CloseableIterator<InternalRow> batch = scanner.pollBatch(Duration.ofSeconds(5));
                        batch != null;
                        batch = scanner.pollBatch(Duration.ofSeconds(5))) {
                    batch.forEachRemaining(row -> ids.add(row.getLong(0)));
                    batch.close();
                }
            }
            assertEquals(range(Math.max(0, 50 - limit), 50), ids);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void clientsGoOnAfterAServerRestart(boolean hard, @TempDir Path own) throws Exception {
        try (StromServer restarted = new StromServer(own).start();
                Connection client = connect(restarted)) {
            client.getAdmin().createDatabase(DATABASE, DatabaseDescriptor.EMPTY, true).get();
            TablePath path = newPath();
            client.getAdmin().createTable(path, numbersTable(2).build(), false).get();
            Table table = client.getTable(path);
            AppendWriter writer = table.newAppend().createWriter();
            for (long i = 0; i < 100; i++) {
                writer.append(number(i));
            }
            writer.flush();
            LogScanner scanner = fromBeginning(table, table.newScan());
            List<Long> seen = new ArrayList<>(pollIds(scanner, 100));
            if (hard) {
                restarted.kill();
            } else {
                assertEquals(0, restarted.stop());
            }
            for (long i = 100; i < 200; i++) {
                writer.append(number(i));
            }
            restarted.start();
            writer.flush();
            while (seen.size() < 200) {
                try {
                    for (ScanRecord record : scanner.poll(Duration.ofMillis(500))) {
                        seen.add(record.getRow().getLong(0));
                    }
                } catch (RuntimeException whileAway) {
                    Thread.sleep(50);
                }
            }
            Collections.sort(seen);
            assertEquals(range(0, 200), seen);
            scanner.close();
        }
    }

    @Test
    void droppingAndRecreatingATableWhileItIsRead() throws Exception {
        Table table = create(numbersTable(1).build());
        TablePath path = table.getTableInfo().getTablePath();
        append(table, 0, 10);
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            assertEquals(range(0, 10), pollIds(scanner, 10));
            admin.dropTable(path, false).get();
            admin.createTable(path, numbersTable(1).build(), false).get();
            // The old table is gone for good: its reader gets nothing more.
            assertTrue(scanner.poll(Duration.ofMillis(300)).isEmpty());
        }
        try (Connection fresh = connect(server)) {
            Table again = fresh.getTable(path);
            assertTrue(again.getTableInfo().getTableId() > table.getTableInfo().getTableId());
            append(again, 100, 7);
            try (LogScanner scanner = fromBeginning(again, again.newScan())) {
                assertEquals(range(100, 107), pollIds(scanner, 7));
            }
        }
    }

    @Test
    void databasesTablesAndTheirErrors() throws Exception {
        String database = "ddl" + nextNumber();
        DatabaseDescriptor described =
                DatabaseDescriptor.builder().comment("a comment").customProperty("k", "v").build();
        admin.createDatabase(database, described, false).get();
        assertFails(DatabaseAlreadyExistException.class, admin.createDatabase(database, described, false));
        assertTrue(admin.listDatabases().get().contains(database));
        assertTrue(admin.databaseExists(database).get());
        DatabaseDescriptor stored = admin.getDatabaseInfo(database).get().getDatabaseDescriptor();
        assertEquals("a comment", stored.getComment().get());
        assertEquals(Map.of("k", "v"), stored.getCustomProperties());
        assertTrue(
                admin.listDatabaseSummaries().get().stream()
                        .anyMatch(s -> s.getDatabaseName().equals(database) && s.getTableCount() == 0));

        TablePath path = TablePath.of(database, "t");
        assertFails(TableNotExistException.class, admin.getTableInfo(path));
        admin.createTable(path, numbersTable(3).comment("rows").build(), false).get();
        assertFails(TableAlreadyExistException.class, admin.createTable(path, numbersTable(3).build(), false));
        assertEquals(List.of("t"), admin.listTables(database).get());
        assertEquals(3, admin.getTableInfo(path).get().getNumBuckets());
        assertEquals(1, admin.getTableSchema(path).get().getSchemaId());
        assertEquals(
                List.of("id", "name"), admin.getTableSchema(path, 1).get().getSchema().getColumnNames());
        assertThrows(ExecutionException.class, () -> admin.getTableSchema(path, 2).get());
        assertFails(
                InvalidConfigException.class,
                admin.createTable(
                        TablePath.of(database, "bad"),
                        numbersTable(1).property("table.no.such", "1").build(), false));
        assertFails(DatabaseNotEmptyException.class, admin.dropDatabase(database, false, false));
        admin.dropTable(path, false).get();
        assertFalse(admin.tableExists(path).get());
        assertFails(TableNotExistException.class, admin.dropTable(path, false));
        admin.dropDatabase(database, false, true).get();
        assertFalse(admin.databaseExists(database).get());
    }
}
