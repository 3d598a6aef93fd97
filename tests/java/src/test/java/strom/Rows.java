package strom;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.fluss.row.BinaryString;
import org.apache.fluss.row.Decimal;
import org.apache.fluss.row.GenericRow;
import org.apache.fluss.row.InternalArray;
import org.apache.fluss.row.InternalMap;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.row.TimestampLtz;
import org.apache.fluss.row.TimestampNtz;
import org.apache.fluss.types.ArrayType;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.DataTypes;
import org.apache.fluss.types.MapType;
import org.apache.fluss.types.RowType;

/** Rows of any origin as plain lists, so that what was written can be compared with what came. */
final class Rows {
    private Rows() {}

    /** One of each type of the protocol that is not nested. */
    static List<DataType> everyType() {
        return List.of(
                DataTypes.BOOLEAN(), DataTypes.TINYINT(), DataTypes.SMALLINT(), DataTypes.INT(),
                DataTypes.BIGINT(), DataTypes.FLOAT(), DataTypes.DOUBLE(), DataTypes.CHAR(3),
                DataTypes.STRING(), DataTypes.BINARY(4), DataTypes.BYTES(), DataTypes.DECIMAL(10, 2),
                DataTypes.DECIMAL(38, 10), DataTypes.DATE(), DataTypes.TIME(0), DataTypes.TIME(3),
                DataTypes.TIMESTAMP(3), DataTypes.TIMESTAMP(9), DataTypes.TIMESTAMP_LTZ(3),
                DataTypes.TIMESTAMP_LTZ(6));
    }

    /** Rows of `everyType()`: low values, high values, nulls. */
    static List<GenericRow> everyTypeRows() {
        GenericRow low =
                GenericRow.of(
                        false, Byte.MIN_VALUE, Short.MIN_VALUE, Integer.MIN_VALUE, Long.MIN_VALUE,
                        -Float.MAX_VALUE, Double.MIN_VALUE, BinaryString.fromString("abc"),
                        BinaryString.EMPTY_UTF8, new byte[] {0, 1, 2, 3}, new byte[0],
                        Decimal.fromBigDecimal(new BigDecimal("-99999999.99"), 10, 2),
                        Decimal.fromBigDecimal(
                                new BigDecimal("-9999999999999999999999999999.9999999999"), 38, 10),
                        0, 0, 1, TimestampNtz.fromMillis(0), TimestampNtz.fromMillis(1, 999_999),
                        TimestampLtz.fromEpochMillis(0), TimestampLtz.fromEpochMillis(1, 999_000));
        GenericRow high =
                GenericRow.of(
                        true, Byte.MAX_VALUE, Short.MAX_VALUE, Integer.MAX_VALUE, Long.MAX_VALUE,
                        Float.POSITIVE_INFINITY, Double.NaN, BinaryString.fromString("xyz"),
                        BinaryString.fromString("Strom, Fluß, 河流"), new byte[] {-1, -1, -1, -1},
                        new byte[300], Decimal.fromBigDecimal(new BigDecimal("0.01"), 10, 2),
                        Decimal.fromBigDecimal(BigDecimal.ZERO, 38, 10), 2932896, 86_399_000,
                        86_399_999, TimestampNtz.fromMillis(4102444800000L),
                        TimestampNtz.fromMillis(4102444800000L, 1),
                        TimestampLtz.fromEpochMillis(4102444800000L),
                        TimestampLtz.fromEpochMillis(4102444800000L, 1000));
        return List.of(low, high, new GenericRow(everyType().size()));
    }

    static List<Object> plain(InternalRow row, List<DataType> types) {
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            Object value = InternalRow.createFieldGetter(types.get(i), i).getFieldOrNull(row);
            values.add(plain(value, types.get(i)));
        }
        return values;
    }

    private static Object plain(Object value, DataType type) {
        if (value == null) {
            return null;
        }
        if (value instanceof byte[]) {
            return Arrays.toString((byte[]) value);
        }
        if (type instanceof ArrayType) {
            return plain((InternalArray) value, ((ArrayType) type).getElementType());
        }
        if (type instanceof MapType) {
            InternalMap map = (InternalMap) value;
            List<Object> keys = plain(map.keyArray(), ((MapType) type).getKeyType());
            List<Object> values = plain(map.valueArray(), ((MapType) type).getValueType());
            Map<Object, Object> plain = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                plain.put(keys.get(i), values.get(i));
            }
            return plain;
        }
        if (type instanceof RowType) {
            return plain((InternalRow) value, ((RowType) type).getChildren());
        }
        // Strings are views on buffers that are reused.
        return value.toString();
    }

    private static List<Object> plain(InternalArray array, DataType element) {
        InternalArray.ElementGetter getter = InternalArray.createElementGetter(element);
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            values.add(plain(getter.getElementOrNull(array, i), element));
        }
        return values;
    }
}
