package strom;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.fluss.row.InternalArray;
import org.apache.fluss.row.InternalMap;
import org.apache.fluss.row.InternalRow;
import org.apache.fluss.types.ArrayType;
import org.apache.fluss.types.DataType;
import org.apache.fluss.types.MapType;
import org.apache.fluss.types.RowType;

/** Rows of any origin as plain lists, so that what was written can be compared with what came. */
final class Rows {
    private Rows() {}

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
