package strom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.fluss.client.Connection;
import org.apache.fluss.client.ConnectionFactory;
import org.apache.fluss.client.admin.Admin;
import org.apache.fluss.client.table.Table;
import org.apache.fluss.client.table.scanner.Scan;
import org.apache.fluss.client.table.scanner.log.LogScanner;
import org.apache.fluss.config.Configuration;
import org.apache.fluss.metadata.DatabaseDescriptor;
import org.apache.fluss.metadata.TableDescriptor;
import org.apache.fluss.metadata.TablePath;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** One server and one connection for all scenarios of a class, and what they do most. */
abstract class OneServer {
    static final String DATABASE = "scenarios";
    private static final AtomicInteger NUMBERS = new AtomicInteger();
    @TempDir static Path folder;
    static StromServer server;
    static Connection connection;
    static Admin admin;

    @BeforeAll
    static void start() throws Exception {
        server = new StromServer(folder).start();
        connection = connect(server);
        admin = connection.getAdmin();
        admin.createDatabase(DATABASE, DatabaseDescriptor.EMPTY, true).get();
    }

    @AfterAll
    static void stop() throws Exception {
        connection.close();
        assertEquals(0, server.stop());
    }

    /** Lookups leave soon, as most scenarios await each of theirs; at 0 ms the client spins. */
    static Connection connect(StromServer to) {
        return ConnectionFactory.createConnection(
                Configuration.fromMap(
                        Map.of("bootstrap.servers", to.address(), "client.lookup.batch-timeout", "1ms")));
    }

    /** Its writes, too, leave before a batch is full. */
    static Connection connectHastily(StromServer to) {
        return ConnectionFactory.createConnection(
                Configuration.fromMap(
                        Map.of("bootstrap.servers", to.address(), "client.lookup.batch-timeout", "1ms",
                                "client.writer.batch-timeout", "0ms")));
    }

    static int nextNumber() {
        return NUMBERS.getAndIncrement();
    }

    static TablePath newPath() {
        return TablePath.of(DATABASE, "t" + nextNumber());
    }

    static Table create(TableDescriptor descriptor) throws Exception {
        TablePath path = newPath();
        admin.createTable(path, descriptor, false).get();
        return connection.getTable(path);
    }

    static LogScanner fromBeginning(Table table, Scan scan) {
        LogScanner scanner = scan.createLogScanner();
        for (int b = 0; b < table.getTableInfo().getNumBuckets(); b++) {
            scanner.subscribeFromBeginning(b);
        }
        return scanner;
    }

    static List<Long> range(long first, long end) {
        List<Long> ids = new ArrayList<>();
        for (long i = first; i < end; i++) {
            ids.add(i);
        }
        return ids;
    }

    static void assertFails(Class<? extends Throwable> cause, CompletableFuture<?> call) {
        ExecutionException error = assertThrows(ExecutionException.class, call::get);
        assertInstanceOf(cause, error.getCause());
    }
}
