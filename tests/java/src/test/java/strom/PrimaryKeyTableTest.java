package strom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.admin.OffsetSpec;
import org.apache.fluss.client.lookup.Lookuper;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.ScanRecord;
import org.apache.fluss.client.table.scanner.batch.BatchScanner;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.client.table.writer.UpsertWriter;
import org.apache.fluss.exception.DeletionDisabledException;
import org.apache.fluss.exception.InvalidConfigException;
import org.apache.fluss.exception.InvalidTableException;
import org.apache.fluss.metadata.AggFunction;
import org.apache.fluss.metadata.AggFunctions;
import org.apache.fluss.metadata.DatabaseDescriptor;
import org.apache.fluss.metadata.Schema;
import org.apache.fluss.metadata.TableBucket;
import org.apache.fluss.metadata.TableDescriptor;
import org.apache.fluss.metadata.TablePath;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.Decimal;
import org.apache.fluss.row.GenericArray;
import org.apache.fluss.row.GenericMap;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.row.TimestampLtz;
import org.apache.fluss.row.TimestampNtz;
import org.apache.fluss.rpc.protocol.MergeMode;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DataTypes;
import org.apache.fluss.utils.CloseableIterator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What users do with primary-key tables, driven by the real Java client. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class PrimaryKeyTableTest extends OneServer {
    private static final List<DataType> SCORES =
            List.of(DataTypes.BIGINT(), DataTypes.STRING(), DataTypes.INT());

    /** id BIGINT (the key), name STRING, score INT. */
    private static TableDescriptor.Builder scores(int buckets) {
        Schema schema =
                Schema.newBuilder()
                        .column("id", DataTypes.BIGINT())
                        .column("name", DataTypes.STRING())
                        .column("score", DataTypes.INT())
                        .primaryKey("id")
                        .build();
        return TableDescriptor.builder().schema(schema).distributedBy(buckets);
    }

    private static GenericRow score(long id, String name, Integer score) {
        return GenericRow.of(id, name == null ? null : BinaryString.fromString(name), score);
    }

    private static List<Object> plainScore(long id, String name, Integer score) {
        return Rows.plain(score(id, name, score), SCORES);
    }

    private static GenericRow key(Object... values) {
        return GenericRow.of(values);
    }

    private static void upsert(Table table, GenericRow... rows) throws Exception {
        UpsertWriter writer = table.newUpsert().createWriter();
        List<CompletableFuture<?>> writes = new ArrayList<>();
        for (GenericRow row : rows) {
            writes.add(writer.upsert(row));
        }
        settle(writer, writes);
    }

    private static void delete(Table table, GenericRow... rows) throws Exception {
        UpsertWriter writer = table.newUpsert().createWriter();
        List<CompletableFuture<?>> writes = new ArrayList<>();
        for (GenericRow row : rows) {
            writes.add(writer.delete(row));
        }
        settle(writer, writes);
    }

    private static void settle(UpsertWriter writer, List<CompletableFuture<?>> writes) throws Exception {
        writer.flush();
        for (CompletableFuture<?> write : writes) {
            write.get();
        }
    }

    private static List<DataType> typesOf(Table table) {
        return table.getTableInfo().getSchema().getRowType().getChildren();
    }

    private static List<Object> lookup(Table table, GenericRow key) throws Exception {
        InternalRow row = table.newLookup().createLookuper().lookup(key).get().getSingletonRow();
        return row == null ? null : Rows.plain(row, typesOf(table));
    }

    /** The first `count` changes, "+I" and such before the columns, in the order of arrival. */
    private static List<List<Object>> changelog(Table table, int count) throws Exception {
        List<List<Object>> changes = new ArrayList<>();
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            while (changes.size() < count) {
                for (ScanRecord record : scanner.poll(Duration.ofMillis(500))) {
                    changes.add(change(record.getChangeType().shortString(),
                            Rows.plain(record.getRow(), typesOf(table))));
                }
            }
        }
        assertEquals(count, changes.size());
        return changes;
    }

    private static List<Object> change(String type, List<Object> row) {
        List<Object> change = new ArrayList<>(List.of(type));
        change.addAll(row);
        return change;
    }

    private static List<String> changeTypes(Table table, int count) throws Exception {
        List<String> types = new ArrayList<>();
        changelog(table, count).forEach(change -> types.add((String) change.get(0)));
        return types;
    }

    private static List<List<Object>> limitScan(Table table, int bucket, int limit) throws Exception {
        List<List<Object>> rows = new ArrayList<>();
        TableBucket of = new TableBucket(table.getTableInfo().getTableId(), bucket);
        try (BatchScanner scanner = table.newScan().limit(limit).createBatchScanner(of)) {
            for (CloseableIterator<InternalRow> batch = scanner.pollBatch(Duration.ofSeconds(5));
                    batch != null;
                    batch = scanner.pollBatch(Duration.ofSeconds(5))) {
                batch.forEachRemaining(row -> rows.add(Rows.plain(row, typesOf(table))));
                batch.close();
            }
        }
        return rows;
    }

    private static long rowCount(Table table) throws Exception {
        return admin.getTableStats(table.getTableInfo().getTablePath()).get().getRowCount();
    }

    // --- types and formats ---

    static Stream<Integer> everyType() {
        return Stream.iterate(0, i -> i + 1).limit(Rows.everyType().size());
    }

    @ParameterizedTest
    @MethodSource("everyType")
    void everyTypeIsAKeyAndAValue(int which) throws Exception {
        DataType type = Rows.everyType().get(which);
        Object low = Rows.everyTypeRows().get(0).getField(which);
        Object high = Rows.everyTypeRows().get(1).getField(which);
        Schema schema =
                Schema.newBuilder()
                        .column("k", type)
                        .column("n", DataTypes.INT())
                        .column("v", type)
                        .primaryKey("k", "n")
                        .build();
        Table table = create(TableDescriptor.builder().schema(schema).distributedBy(3).build());
        upsert(table, key(low, 1, high), key(high, 2, low), key(low, 3, null));
        upsert(table, key(low, 1, null));
        delete(table, key(high, 2, null));
        List<DataType> types = typesOf(table);
        assertEquals(Rows.plain(key(low, 1, null), types), lookup(table, key(low, 1)));
        assertNull(lookup(table, key(high, 2)));
        assertEquals(Rows.plain(key(low, 3, null), types), lookup(table, key(low, 3)));
        assertNull(lookup(table, key(high, 3)));
        assertEquals(
                Map.of(
                        "+I", Set.of(Rows.plain(key(low, 1, high), types), Rows.plain(key(high, 2, low), types),
                                Rows.plain(key(low, 3, null), types)),
                        "-U", Set.of(Rows.plain(key(low, 1, high), types)),
                        "+U", Set.of(Rows.plain(key(low, 1, null), types)),
                        "-D", Set.of(Rows.plain(key(high, 2, low), types))),
                rowsByChange(changelog(table, 6)));
    }

    private static Map<Object, Set<List<Object>>> rowsByChange(List<List<Object>> changes) {
        Map<Object, Set<List<Object>>> rows = new HashMap<>();
        changes.forEach(
                change ->
                        rows.computeIfAbsent(change.get(0), type -> new HashSet<>())
                                .add(change.subList(1, change.size())));
        return rows;
    }

    @ParameterizedTest
    @CsvSource({
        "COMPACTED,ARROW,NONE", "COMPACTED,ARROW,ZSTD", "COMPACTED,COMPACTED,NONE", "INDEXED,ARROW,LZ4_FRAME",
        "INDEXED,COMPACTED,NONE"
    })
    void everyTypeWithLimitsAndNullsSurvives(String kv, String log, String compression) throws Exception {
        List<DataType> types = new ArrayList<>(List.of(DataTypes.INT()));
        types.addAll(Rows.everyType());
        Table table = create(
                keyedByFirst(types)
                        .property("table.kv.format", kv)
                        .property("table.log.format", log)
                        .property("table.log.arrow.compression.type", compression)
                        .build());
        List<GenericRow> rows = new ArrayList<>();
        List<List<Object>> expected = new ArrayList<>();
        for (GenericRow each : Rows.everyTypeRows()) {
            GenericRow row = new GenericRow(types.size());
            row.setField(0, expected.size());
            for (int i = 1; i < types.size(); i++) {
                row.setField(i, each.getField(i - 1));
            }
            upsert(table, row);
            rows.add(row);
            assertEquals(Rows.plain(row, types), lookup(table, key(expected.size())));
            expected.add(change("+I", Rows.plain(row, types)));
        }
        delete(table, rows.get(1));
        expected.add(change("-D", expected.get(1).subList(1, types.size() + 1)));
        assertEquals(expected, changelog(table, 4));
    }

    private static TableDescriptor.Builder keyedByFirst(List<DataType> types) {
        Schema.Builder schema = Schema.newBuilder();
        for (int i = 0; i < types.size(); i++) {
            schema.column("c" + i, types.get(i));
        }
        return TableDescriptor.builder().schema(schema.primaryKey("c0").build()).distributedBy(1);
    }

    @ParameterizedTest
    @CsvSource({"COMPACTED,ARROW", "COMPACTED,COMPACTED", "INDEXED,ARROW"})
    void nestedValuesSurvive(String kv, String log) throws Exception {
        List<DataType> types =
                List.of(
                        DataTypes.INT(),
                        DataTypes.ARRAY(DataTypes.STRING()),
                        DataTypes.MAP(DataTypes.STRING(), DataTypes.BIGINT()),
                        DataTypes.ROW(
                                DataTypes.FIELD("x", DataTypes.DOUBLE()),
                                DataTypes.FIELD("labels", DataTypes.ARRAY(DataTypes.INT()))));
        Table table = create(
                keyedByFirst(types).property("table.kv.format", kv).property("table.log.format", log).build());
        GenericRow full =
                GenericRow.of(
                        1,
                        GenericArray.of(BinaryString.fromString("a"), null),
                        GenericMap.of(BinaryString.fromString("k"), 7L),
                        GenericRow.of(1.5, new GenericArray(new int[] {1, 2})));
        GenericRow empty = GenericRow.of(1, GenericArray.of(), GenericMap.of(), GenericRow.of(null, null));
        GenericRow nulls = GenericRow.of(1, null, null, null);
        List<List<Object>> expected = new ArrayList<>();
        for (GenericRow row : List.of(full, empty, nulls)) {
            upsert(table, row);
            assertEquals(Rows.plain(row, types), lookup(table, key(1)));
        }
        expected.add(change("+I", Rows.plain(full, types)));
        expected.add(change("-U", Rows.plain(full, types)));
        expected.add(change("+U", Rows.plain(empty, types)));
        expected.add(change("-U", Rows.plain(empty, types)));
        expected.add(change("+U", Rows.plain(nulls, types)));
        assertEquals(expected, changelog(table, 5));
    }

    // --- the default engine ---

    @Test
    void changesAreLoggedWithTypesAndOffsets() throws Exception {
        Table table = create(scores(1).build());
        UpsertWriter writer = table.newUpsert().createWriter();
        assertEquals(1, writer.upsert(score(1, "a", 10)).get().getLogEndOffset());
        assertEquals(3, writer.upsert(score(1, "b", 11)).get().getLogEndOffset());
        assertEquals(4, writer.delete(score(1, null, null)).get().getLogEndOffset());
        // A write that changes nothing takes one offset, which no reader sees.
        assertEquals(5, writer.delete(score(1, null, null)).get().getLogEndOffset());
        // A row that is written again is an update like any other.
        assertEquals(6, writer.upsert(score(2, "c", 1)).get().getLogEndOffset());
        assertEquals(8, writer.upsert(score(2, "c", 1)).get().getLogEndOffset());
        List<Long> offsets = new ArrayList<>();
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            while (offsets.size() < 7) {
                scanner.poll(Duration.ofMillis(500)).forEach(record -> offsets.add(record.logOffset()));
            }
        }
        assertEquals(List.of(0L, 1L, 2L, 3L, 5L, 6L, 7L), offsets);
        assertEquals(
                List.of(
                        change("+I", plainScore(1, "a", 10)), change("-U", plainScore(1, "a", 10)),
                        change("+U", plainScore(1, "b", 11)), change("-D", plainScore(1, "b", 11)),
                        change("+I", plainScore(2, "c", 1)), change("-U", plainScore(2, "c", 1)),
                        change("+U", plainScore(2, "c", 1))),
                changelog(table, 7));
    }

    @Test
    void theWalImageLogsNoRowBefore() throws Exception {
        Table table = create(scores(1).property("table.changelog.image", "WAL").build());
        upsert(table, score(1, "a", 1));
        upsert(table, score(1, "b", 2));
        table.newUpsert().partialUpdate("id", "score").createWriter().upsert(score(2, null, 7)).get();
        delete(table, score(1, null, null));
        assertEquals(
                List.of(
                        change("+U", plainScore(1, "a", 1)), change("+U", plainScore(1, "b", 2)),
                        change("+I", plainScore(2, null, 7)), change("-D", plainScore(1, "b", 2))),
                changelog(table, 4));
        assertNull(lookup(table, key(1L)));
        assertFails(InvalidTableException.class, admin.getTableStats(table.getTableInfo().getTablePath()));
    }

    @Test
    void partialUpdatesAndDeletesTouchTheirColumnsOnly() throws Exception {
        Table table = create(scores(1).build());
        UpsertWriter names = table.newUpsert().partialUpdate("id", "name").createWriter();
        UpsertWriter points = table.newUpsert().partialUpdate("id", "score").createWriter();
        UpsertWriter keys = table.newUpsert().partialUpdate("id").createWriter();
        names.upsert(score(1, "a", 99)).get();
        points.upsert(score(1, "ignored", 7)).get();
        assertEquals(plainScore(1, "a", 7), lookup(table, key(1L)));
        names.upsert(score(1, null, 99)).get();
        assertEquals(plainScore(1, null, 7), lookup(table, key(1L)));
        names.upsert(score(1, "b", null)).get();
        keys.upsert(score(1, null, null)).get();
        points.delete(score(1, null, null)).get();
        assertEquals(plainScore(1, "b", null), lookup(table, key(1L)));
        names.delete(score(1, null, null)).get();
        assertNull(lookup(table, key(1L)));
        keys.upsert(score(2, "ignored", 1)).get();
        assertEquals(plainScore(2, null, null), lookup(table, key(2L)));
        assertEquals(
                List.of("+I", "-U", "+U", "-U", "+U", "-U", "+U", "-U", "+U", "-D", "+I"),
                changeTypes(table, 11));
    }

    @Test
    void deletesFollowTheBehaviourOfTheTable() throws Exception {
        Table ignoring = create(scores(1).property("table.delete.behavior", "IGNORE").build());
        upsert(ignoring, score(1, "a", 1));
        delete(ignoring, score(1, null, null));
        assertEquals(plainScore(1, "a", 1), lookup(ignoring, key(1L)));

        Table refusing = create(scores(1).property("table.delete.behavior", "DISABLE").build());
        upsert(refusing, score(1, "a", 1));
        UpsertWriter writer = refusing.newUpsert().createWriter();
        assertFails(DeletionDisabledException.class, writer.delete(score(1, null, null)));
        assertEquals(plainScore(1, "a", 1), lookup(refusing, key(1L)));
        upsert(refusing, score(1, "b", 2));
        assertEquals(List.of("+I", "-U", "+U"), changeTypes(refusing, 3));
    }

    @Test
    void anAcknowledgedWriteIsReadAtOnce() throws Exception {
        Table table = create(scores(4).build());
        try (Connection hasty = connectHastily(server)) {
            UpsertWriter writer =
                    hasty.getTable(table.getTableInfo().getTablePath()).newUpsert().createWriter();
            for (int i = 0; i < 200; i++) {
                long id = i % 7;
                if (i % 11 == 10) {
                    writer.delete(score(id, null, null)).get();
                    assertNull(lookup(table, key(id)));
                } else {
                    writer.upsert(score(id, "v" + i, i)).get();
                    assertEquals(plainScore(id, "v" + i, i), lookup(table, key(id)));
                }
            }
        }
    }

    // --- merge engines ---

    @Test
    void firstRowKeepsTheFirst() throws Exception {
        Table table = create(scores(1).property("table.merge-engine", "first_row").build());
        upsert(table, score(1, "first", 1), score(1, "second", 2));
        upsert(table, score(1, "third", 3));
        delete(table, score(1, null, null));
        upsert(table, score(2, null, null), score(2, "late", 1));
        assertEquals(plainScore(1, "first", 1), lookup(table, key(1L)));
        assertEquals(
                List.of(change("+I", plainScore(1, "first", 1)), change("+I", plainScore(2, null, null))),
                changelog(table, 2));
    }

    static Stream<List<Object>> versions() {
        return Stream.of(
                Arrays.asList(DataTypes.INT(), -5, 3, 4),
                Arrays.asList(DataTypes.BIGINT(), Long.MIN_VALUE + 1, 3L, 4L),
                Arrays.asList(DataTypes.TIMESTAMP(9), TimestampNtz.fromMillis(-1),
                        TimestampNtz.fromMillis(7, 1), TimestampNtz.fromMillis(7, 2)),
                Arrays.asList(DataTypes.TIMESTAMP_LTZ(6), TimestampLtz.fromEpochMillis(-1),
                        TimestampLtz.fromEpochMillis(7, 1000), TimestampLtz.fromEpochMillis(7, 2000)));
    }

    @ParameterizedTest
    @MethodSource("versions")
    void versionedKeepsTheNewest(List<Object> versions) throws Exception {
        Schema schema =
                Schema.newBuilder()
                        .column("id", DataTypes.BIGINT())
                        .column("version", (DataType) versions.get(0))
                        .column("name", DataTypes.STRING())
                        .primaryKey("id")
                        .build();
        Table table =
                create(TableDescriptor.builder().schema(schema).distributedBy(1)
                        .property("table.merge-engine", "versioned")
                        .property("table.merge-engine.versioned.ver-column", "version")
                        .build());
        Object low = versions.get(1);
        Object middle = versions.get(2);
        Object high = versions.get(3);
        List<DataType> types = typesOf(table);
        Object[][] steps = { // version, name, the name that is stored afterwards
            {null, "null", "null"}, {null, "tie of nulls", "tie of nulls"}, {low, "low", "low"},
            {null, "null is less", "low"}, {high, "high", "high"}, {middle, "middle", "high"},
            {high, "tie", "tie"}, {low, "low again", "tie"}
        };
        for (Object[] step : steps) {
            upsert(table, key(1L, step[0], BinaryString.fromString((String) step[1])));
            assertEquals(step[2], lookup(table, key(1L)).get(2), () -> "after " + step[1]);
        }
        delete(table, key(1L, null, null));
        assertEquals(
                Rows.plain(key(1L, high, BinaryString.fromString("tie")), types), lookup(table, key(1L)));
        assertEquals(
                List.of("+I", "-U", "+U", "-U", "+U", "-U", "+U", "-U", "+U"), changeTypes(table, 9));
    }

    /** A function over a column, what is written one after the other, and what that makes. */
    private static final class Fold {
        final DataType type;
        final AggFunction function;
        final Object[] written;
        final Object result;

        Fold(DataType type, AggFunction function, Object result, Object... written) {
            this.type = type;
            this.function = function;
            this.result = result;
            this.written = written;
        }
    }

    private static BinaryString text(String text) {
        return BinaryString.fromString(text);
    }

    private static Decimal decimal(String number, int precision, int scale) {
        return Decimal.fromBigDecimal(new BigDecimal(number), precision, scale);
    }

    /** The portable serialization of a bitmap of a few 16-bit numbers. */
    private static byte[] bitmap(int... sorted) {
        ByteBuffer bytes = ByteBuffer.allocate(16 + 2 * sorted.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(12346).putInt(1).putShort((short) 0).putShort((short) (sorted.length - 1)).putInt(16);
        for (int each : sorted) {
            bytes.putShort((short) each);
        }
        return bytes.array();
    }

    private static List<Fold> folds() {
        return List.of(
                new Fold(DataTypes.TINYINT(), AggFunctions.SUM(), (byte) -126, (byte) 127, null, (byte) 3),
                new Fold(DataTypes.INT(), AggFunctions.SUM(), 6, null, 1, 5),
                new Fold(DataTypes.BIGINT(), AggFunctions.SUM(), 12L, 5L, 7L, null),
                new Fold(DataTypes.DOUBLE(), AggFunctions.SUM(), 0.75, 0.5, 1.0, -0.75),
                new Fold(DataTypes.DECIMAL(10, 2), AggFunctions.SUM(), decimal("3.30", 10, 2),
                        decimal("1.10", 10, 2), decimal("2.20", 10, 2), null),
                new Fold(DataTypes.DECIMAL(30, 3), AggFunctions.SUM(), decimal("-1.000", 30, 3),
                        decimal("1.500", 30, 3), null, decimal("-2.500", 30, 3)),
                new Fold(DataTypes.SMALLINT(), AggFunctions.PRODUCT(), (short) 42, (short) 6, null, (short) 7),
                new Fold(DataTypes.DECIMAL(10, 2), AggFunctions.PRODUCT(), decimal("0.13", 10, 2),
                        decimal("0.50", 10, 2), decimal("0.25", 10, 2), null),
                new Fold(DataTypes.STRING(), AggFunctions.MAX(), text("ä"), text("b"), text("ä"), text("z")),
                new Fold(DataTypes.FLOAT(), AggFunctions.MAX(), Float.NaN, 1f, Float.NaN, 9f),
                new Fold(DataTypes.DATE(), AggFunctions.MAX(), 20000, 3, 20000, null),
                new Fold(DataTypes.STRING(), AggFunctions.MIN(), text(""), text("b"), text(""), null),
                new Fold(DataTypes.DOUBLE(), AggFunctions.MIN(), -0.0, 0.0, -0.0, 0.0),
                new Fold(DataTypes.TIMESTAMP(9), AggFunctions.MIN(), TimestampNtz.fromMillis(5, 1),
                        TimestampNtz.fromMillis(5, 2), TimestampNtz.fromMillis(5, 1), null),
                new Fold(DataTypes.BYTES(), AggFunctions.LAST_VALUE(), null, new byte[] {1}, null, null),
                new Fold(DataTypes.INT(), AggFunctions.LAST_VALUE_IGNORE_NULLS(), 2, 1, 2, null),
                new Fold(DataTypes.INT(), AggFunctions.FIRST_VALUE(), 8, null, 8, 9),
                new Fold(DataTypes.STRING(), AggFunctions.FIRST_VALUE_IGNORE_NULLS(), text("x"),
                        text("x"), null, text("y")),
                new Fold(DataTypes.STRING(), AggFunctions.LISTAGG(), text("a,,c"), text("a"), text(""), text("c")),
                new Fold(DataTypes.STRING(), AggFunctions.LISTAGG("; "), text("a; c"), text("a"), null, text("c")),
                new Fold(DataTypes.STRING(), AggFunctions.STRING_AGG("|"), text("b|c"), null, text("b"), text("c")),
                new Fold(DataTypes.BOOLEAN(), AggFunctions.BOOL_AND(), false, true, null, false),
                new Fold(DataTypes.BOOLEAN(), AggFunctions.BOOL_OR(), true, null, true, false),
                new Fold(DataTypes.BYTES(), AggFunctions.RBM32(), bitmap(1, 5, 900), bitmap(5), bitmap(1, 900), null),
                new Fold(DataTypes.STRING(), null, text("last"), text("a"), text("last"), null));
    }

    @Test
    void aggregationFoldsEachColumnWithItsFunction() throws Exception {
        List<Fold> folds = folds();
        Schema.Builder schema = Schema.newBuilder().column("id", DataTypes.BIGINT());
        for (int i = 0; i < folds.size(); i++) {
            Fold fold = folds.get(i);
            if (fold.function == null) {
                schema.column("c" + i, fold.type);
            } else {
                schema.column("c" + i, fold.type, fold.function);
            }
        }
        Table table =
                create(TableDescriptor.builder().schema(schema.primaryKey("id").build()).distributedBy(1)
                        .property("table.merge-engine", "aggregation").build());
        GenericRow expected = new GenericRow(folds.size() + 1);
        expected.setField(0, 1L);
        for (int step = 0; step < 3; step++) {
            GenericRow row = new GenericRow(folds.size() + 1);
            row.setField(0, 1L);
            for (int i = 0; i < folds.size(); i++) {
                row.setField(i + 1, folds.get(i).written[step]);
                expected.setField(i + 1, folds.get(i).result);
            }
            upsert(table, row);
        }
        List<Object> stored = lookup(table, key(1L));
        List<Object> wanted = Rows.plain(expected, typesOf(table));
        for (int i = 0; i < folds.size(); i++) {
            String what = folds.get(i).function + " of " + folds.get(i).type;
            assertEquals(wanted.get(i + 1), stored.get(i + 1), what);
        }
        List<List<Object>> changes = changelog(table, 5);
        assertEquals(change("+U", wanted), changes.get(4));
        assertEquals(List.of("+I", "-U", "+U", "-U", "+U"), changeTypes(table, 5));
    }

    private static TableDescriptor.Builder sums() {
        Schema schema =
                Schema.newBuilder()
                        .column("id", DataTypes.BIGINT())
                        .column("name", DataTypes.STRING(), AggFunctions.LISTAGG())
                        .column("score", DataTypes.INT(), AggFunctions.SUM())
                        .primaryKey("id")
                        .build();
        return TableDescriptor.builder().schema(schema).distributedBy(1)
                .property("table.merge-engine", "aggregation");
    }

    @Test
    void partialAggregationFoldsItsTargets() throws Exception {
        Table table = create(sums().property("table.delete.behavior", "ALLOW").build());
        UpsertWriter points = table.newUpsert().partialUpdate("id", "score").createWriter();
        upsert(table, score(1, "a", 1));
        points.upsert(score(1, "ignored", 5)).get();
        assertEquals(plainScore(1, "a", 6), lookup(table, key(1L)));
        points.delete(score(1, null, null)).get();
        assertEquals(plainScore(1, "a", null), lookup(table, key(1L)));
        delete(table, score(1, null, null));
        assertNull(lookup(table, key(1L)));
        upsert(table, score(1, "again", 2));
        assertEquals(plainScore(1, "again", 2), lookup(table, key(1L)));
    }

    @Test
    void overwriteBypassesTheMergeEngine() throws Exception {
        Table table = create(sums().build());
        upsert(table, score(1, "a", 1), score(1, "b", 2));
        delete(table, score(1, null, null)); // ignored
        assertEquals(plainScore(1, "a,b", 3), lookup(table, key(1L)));
        UpsertWriter undo = table.newUpsert().mergeMode(MergeMode.OVERWRITE).createWriter();
        undo.upsert(score(1, "a", 1)).get();
        assertEquals(plainScore(1, "a", 1), lookup(table, key(1L)));
        undo.delete(score(1, null, null)).get();
        assertNull(lookup(table, key(1L)));
        assertEquals(List.of("+I", "-U", "+U", "-U", "+U", "-D"), changeTypes(table, 6));
    }

    // --- auto-increment columns and lookups that insert ---

    private static Table numbered(int buckets) throws Exception {
        Schema schema =
                Schema.newBuilder()
                        .column("name", DataTypes.STRING())
                        .column("number", DataTypes.BIGINT())
                        .column("note", DataTypes.STRING())
                        .primaryKey("name")
                        .enableAutoIncrement("number")
                        .build();
        return create(TableDescriptor.builder().schema(schema).distributedBy(buckets)
                .property("table.auto-increment.cache-size", "10").build());
    }

    @Test
    void rowsAreNumberedOnceWhenTheyAreInserted() throws Exception {
        Table table = numbered(1);
        UpsertWriter writer = table.newUpsert().partialUpdate("name", "note").createWriter();
        List<CompletableFuture<?>> writes = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            writes.add(writer.upsert(key(text("k" + i), null, text("new"))));
        }
        settle(writer, writes);
        writer.upsert(key(text("k3"), null, text("changed"))).get();
        assertEquals(List.of("k3", "4", "changed"), lookup(table, key(text("k3"))));
        for (int i = 0; i < 25; i++) {
            assertEquals(Integer.toString(i + 1), lookup(table, key(text("k" + i))).get(1));
        }
    }

    @Test
    void lookupsInsertMissingKeysOnce() throws Exception {
        Table table = numbered(4);
        Lookuper inserting = table.newLookup().enableInsertIfNotExists().createLookuper();
        List<CompletableFuture<?>> lookups = new ArrayList<>();
        Map<String, Set<Long>> numbers = new TreeMap<>();
        for (int i = 0; i < 90; i++) {
            String name = "k" + i % 30;
            lookups.add(
                    inserting.lookup(key(text(name))).thenAccept(
                            found -> {
                                synchronized (numbers) {
                                    numbers.computeIfAbsent(name, each -> new HashSet<>())
                                            .add(found.getSingletonRow().getLong(1));
                                }
                            }));
        }
        for (CompletableFuture<?> each : lookups) {
            each.get();
        }
        Set<Long> all = new HashSet<>();
        for (Map.Entry<String, Set<Long>> each : numbers.entrySet()) {
            assertEquals(1, each.getValue().size(), each::toString);
            all.addAll(each.getValue());
            assertEquals(
                    Arrays.asList(each.getKey(), each.getValue().iterator().next().toString(), null),
                    lookup(table, key(text(each.getKey()))));
        }
        assertEquals(30, all.size());
        assertEquals(30, rowCount(table));
        assertEquals(Collections.nCopies(30, "+I"), changeTypes(table, 30));
        assertNull(lookup(table, key(text("missing"))));
    }

    // --- reads ---

    @Test
    void prefixLookupsGiveAllRowsOfABucketKey() throws Exception {
        Schema schema =
                Schema.newBuilder()
                        .column("a", DataTypes.INT())
                        .column("b", DataTypes.STRING())
                        .column("c", DataTypes.BIGINT())
                        .column("v", DataTypes.STRING())
                        .primaryKey("a", "b", "c")
                        .build();
        Table table = create(TableDescriptor.builder().schema(schema).distributedBy(3, "a", "b").build());
        List<DataType> types = typesOf(table);
        Map<String, Set<List<Object>>> expected = new LinkedHashMap<>();
        List<GenericRow> rows = new ArrayList<>();
        for (int a = -2; a < 3; a++) {
            for (String b : List.of("", "x", "xy")) {
                for (long c = 0; c < 4; c++) {
                    GenericRow row = key(a, text(b), c, text(a + b + c));
                    rows.add(row);
                    expected.computeIfAbsent(a + b, each -> new HashSet<>()).add(Rows.plain(row, types));
                }
            }
        }
        upsert(table, rows.toArray(new GenericRow[0]));
        Lookuper lookuper = table.newLookup().lookupBy("a", "b").createLookuper();
        for (int a = -2; a < 3; a++) {
            for (String b : List.of("", "x", "xy")) {
                List<InternalRow> found = lookuper.lookup(key(a, text(b))).get().getRowList();
                assertEquals(4, found.size());
                Set<List<Object>> plain = new HashSet<>();
                found.forEach(row -> plain.add(Rows.plain(row, types)));
                assertEquals(expected.get(a + b), plain);
            }
        }
        assertEquals(List.of(), lookuper.lookup(key(3, text("x"))).get().getRowList());
    }

    @Test
    void limitScansGiveTheFirstRowsInKeyOrder() throws Exception {
        Table table = create(scores(1).build());
        assertEquals(List.of(), limitScan(table, 0, 10));
        List<GenericRow> rows = new ArrayList<>();
        for (long id = 0; id < 60; id++) {
            rows.add(score(id, "n" + id, (int) id));
        }
        Collections.shuffle(rows, new Random(1));
        upsert(table, rows.toArray(new GenericRow[0]));
        delete(table, score(1, null, null));
        for (int limit : new int[] {1, 7, 500}) {
            List<List<Object>> expected = new ArrayList<>();
            for (long id = 0; id < 60 && expected.size() < limit; id++) {
                if (id != 1) {
                    expected.add(plainScore(id, "n" + id, (int) id));
                }
            }
            assertEquals(expected, limitScan(table, 0, limit));
        }
    }

    @Test
    void theRowCountFollowsInsertsAndDeletes() throws Exception {
        Table table = create(scores(3).build());
        assertEquals(0, rowCount(table));
        List<GenericRow> rows = new ArrayList<>();
        for (long id = 0; id < 40; id++) {
            rows.add(score(id, "n", 1));
        }
        upsert(table, rows.toArray(new GenericRow[0]));
        upsert(table, rows.subList(0, 20).toArray(new GenericRow[0]));
        assertEquals(40, rowCount(table));
        delete(table, rows.subList(0, 15).toArray(new GenericRow[0]));
        delete(table, rows.subList(0, 15).toArray(new GenericRow[0]));
        assertEquals(25, rowCount(table));
    }

    // --- several writers, a server that goes away ---

    @Test
    void theChangelogOfSeveralWritersMakesTheTable() throws Exception {
        Table table = create(scores(4).build());
        TablePath path = table.getTableInfo().getTablePath();
        List<CompletableFuture<Void>> writers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            Random random = new Random(w);
            writers.add(CompletableFuture.runAsync(() -> writeAtRandom(path, random, 1500)));
        }
        for (CompletableFuture<Void> writer : writers) {
            writer.get();
        }
        long logged = 0;
        for (long end : admin.listOffsets(path, List.of(0, 1, 2, 3),
                new OffsetSpec.LatestSpec()).all().get().values()) {
            logged += end;
        }
        Map<Object, List<Object>> replayed = new HashMap<>();
        int read = 0;
        try (LogScanner scanner = fromBeginning(table, table.newScan())) {
            for (int quiet = 0; quiet < 3; quiet++) {
                for (ScanRecord record : scanner.poll(Duration.ofMillis(200))) {
                    quiet = -1;
                    read++;
                    apply(replayed, record);
                }
            }
        }
        assertTrue(read > 6000 && read <= logged, read + " of " + logged);
        Map<Object, List<Object>> stored = new HashMap<>();
        for (int bucket = 0; bucket < 4; bucket++) {
            limitScan(table, bucket, 10_000).forEach(row -> stored.put(row.get(0), row));
        }
        assertEquals(replayed, stored);
        assertEquals(stored.size(), rowCount(table));
    }

    private static void writeAtRandom(TablePath path, Random random, int count) {
        try (Connection own = connect(server)) {
            UpsertWriter writer = own.getTable(path).newUpsert().createWriter();
            for (int i = 0; i < count; i++) {
                long id = random.nextInt(200);
                if (random.nextInt(5) == 0) {
                    writer.delete(score(id, null, null));
                } else {
                    writer.upsert(score(id, "n" + random.nextInt(1000), random.nextInt()));
                }
            }
            writer.flush();
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    /** Fails when a change does not follow from the changes before it. */
    private static void apply(Map<Object, List<Object>> rows, ScanRecord record) {
        List<Object> row = Rows.plain(record.getRow(), SCORES);
        switch (record.getChangeType()) {
            case INSERT:
                assertNull(rows.put(row.get(0), row));
                break;
            case UPDATE_BEFORE:
                assertEquals(rows.get(row.get(0)), row);
                break;
            case UPDATE_AFTER:
                assertTrue(rows.put(row.get(0), row) != null);
                break;
            case DELETE:
                assertEquals(rows.remove(row.get(0)), row);
                break;
            default:
                throw new AssertionError(record.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void clientsGoOnAfterAServerRestart(boolean hard, @TempDir Path own) throws Exception {
        try (StromServer restarted = new StromServer(own).start();
                Connection client = connect(restarted)) {
            client.getAdmin().createDatabase(DATABASE, DatabaseDescriptor.EMPTY, true).get();
            TablePath path = newPath();
            client.getAdmin().createTable(path, scores(2).build(), false).get();
            Table table = client.getTable(path);
            UpsertWriter writer = table.newUpsert().createWriter();
            for (long id = 0; id < 50; id++) {
                writer.upsert(score(id, "before", 1));
            }
            writer.flush();
            if (hard) {
                restarted.kill();
            } else {
                assertEquals(0, restarted.stop());
            }
            for (long id = 25; id < 75; id++) {
                writer.upsert(score(id, "while away", 2));
            }
            restarted.start();
            writer.flush();
            for (long id = 0; id < 75; id++) {
                List<Object> expected =
                        id < 25 ? plainScore(id, "before", 1) : plainScore(id, "while away", 2);
                assertEquals(expected, lookup(table, key(id)));
            }
            Map<Object, Integer> counts = new TreeMap<>();
            changelog(table, 125).forEach(change -> counts.merge(change.get(0), 1, Integer::sum));
            assertEquals(Map.of("+I", 75, "-U", 25, "+U", 25), counts);
        }
    }

    // --- definitions ---

    @ParameterizedTest
    @CsvSource({
        "first_row, table.delete.behavior, ALLOW",
        "versioned, table.delete.behavior, ALLOW",
        "versioned, table.merge-engine.versioned.ver-column, missing",
        "versioned, table.merge-engine.versioned.ver-column, name",
        "aggregation, table.changelog.image, WAL",
        "third_row, table.kv.format, COMPACTED",
        ", table.kv.format-version, 3",
        ", table.delete.behavior, SOMETIMES",
        ", table.log.format, INDEXED",
    })
    void definitionsThatContradictThemselvesAreRefused(String engine, String key, String value) {
        TableDescriptor.Builder table = scores(1).property(key, value);
        if (engine != null) {
            table.property("table.merge-engine", engine);
        }
        assertFails(InvalidConfigException.class, admin.createTable(newPath(), table.build(), false));
    }

    @Test
    void nestedColumnsAreNoKeys() {
        for (DataType type : List.of(DataTypes.ARRAY(DataTypes.INT()),
                DataTypes.MAP(DataTypes.INT(), DataTypes.INT()), DataTypes.ROW(DataTypes.INT()))) {
            TableDescriptor table = keyedByFirst(List.of(type, DataTypes.INT())).build();
            assertFails(InvalidTableException.class, admin.createTable(newPath(), table, false));
        }
    }
}
