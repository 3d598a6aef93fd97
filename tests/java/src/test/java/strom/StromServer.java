package strom;

import java.io.File;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A server process that keeps its ports and data over restarts. */
final class StromServer implements AutoCloseable {
    final int port;
    private final int httpPort;
    private final Path dataDir;
    private final Path log;
    private final List<String> settings = new ArrayList<>();
    private Process process;

    /** Settings are "key=value". */
    StromServer(Path folder, String... settings) throws IOException {
        port = freePort();
        httpPort = freePort();
        dataDir = folder.resolve("data");
        log = folder.resolve("server.log");
        for (String setting : settings) {
            this.settings.addAll(List.of("--set", setting));
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static String binary() {
        String path = System.getenv("STROM_BINARY");
        if (path == null) {
            path = Path.of("").toAbsolutePath().resolve("../../build/release/strom").normalize().toString();
        }
        if (!new File(path).canExecute()) {
            throw new IllegalStateException(path + " is missing: run ./dev build first");
        }
        return path;
    }

    String address() {
        return "127.0.0.1:" + port;
    }

    StromServer start() throws Exception {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                binary(), "server", "--data-dir", dataDir.toString(),
                                "--set", "bind.listeners=FLUSS://127.0.0.1:" + port,
                                "--set", "server.http.listen=127.0.0.1:" + httpPort,
                                "--set", "server.data-disk.write-limit-ratio=1.0"));
        command.addAll(settings);
        process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                        .start();
        for (long deadline = System.nanoTime() + 30_000_000_000L; System.nanoTime() < deadline; ) {
            if (!process.isAlive()) {
                throw new IllegalStateException("server ended: " + Files.readString(log));
            }
            if (isReady()) {
                return this;
            }
            Thread.sleep(10);
        }
        throw new IllegalStateException("server not ready: " + Files.readString(log));
    }

    private boolean isReady() {
        try {
            URL url = new URL("http://127.0.0.1:" + httpPort + "/health/ready");
            return ((HttpURLConnection) url.openConnection()).getResponseCode() == 200;
        } catch (IOException notYet) {
            return false;
        }
    }

    /** SIGTERM; the exit code. */
    int stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new IllegalStateException("server did not stop");
        }
        return process.exitValue();
    }

    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws Exception {
        if (process != null && process.isAlive()) {
            stop();
        }
    }
}
