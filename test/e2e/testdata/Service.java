import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.Executors;

/** An HTTP service of the JDK's own classes, on a pool of threads. */
public class Service {
    private static String downstream;

    public static void main(String[] args) throws IOException {
        String[] address = args[0].split(":");
        downstream = args[1];
        HttpServer server = HttpServer.create(new InetSocketAddress(address[0], Integer.parseInt(address[1])), 128);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", Service::handle);
        server.start();
    }

    private static void handle(HttpExchange exchange) throws IOException {
        String[] parts = exchange.getRequestURI().getPath().split("/", 3);
        String rest = parts.length > 2 ? parts[2] : "";
        switch (parts[1]) {
            case "ok" -> answer(exchange, 200, "ok\n".getBytes());
            case "slow" -> {
                sleep(Long.parseLong(rest));
                answer(exchange, 200, "slept\n".getBytes());
            }
            case "status" -> answer(exchange, Integer.parseInt(rest), new byte[0]);
            case "call" -> call(exchange, rest);
            default -> answer(exchange, 404, new byte[0]);
        }
    }

    private static void call(HttpExchange exchange, String marker) throws IOException {
        var connection = (HttpURLConnection) URI.create("http://" + downstream + "/" + marker).toURL().openConnection();
        int status = connection.getResponseCode();
        byte[] body;
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            body = in.readAllBytes();
        }
        answer(exchange, status, body);
    }

    private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
