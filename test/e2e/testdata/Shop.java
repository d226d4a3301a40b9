import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;

/** A servlet for Tomcat. */
public class Shop extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String[] parts = request.getRequestURI().split("/", 3);
        String rest = parts.length > 2 ? parts[2] : "";
        switch (parts[1]) {
            case "ok" -> response.getWriter().println("ok");
            case "slow" -> {
                try {
                    Thread.sleep(Long.parseLong(rest));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                response.getWriter().println("slept");
            }
            case "status" -> response.setStatus(Integer.parseInt(rest));
            case "call" -> call(response, rest);
            default -> response.setStatus(404);
        }
    }

    private static void call(HttpServletResponse response, String marker) throws IOException {
        String downstream = System.getProperty("downstream");
        var connection = (HttpURLConnection) URI.create("http://" + downstream + "/" + marker).toURL().openConnection();
        response.setStatus(connection.getResponseCode());
        try (InputStream in = connection.getInputStream()) {
            in.transferTo(response.getOutputStream());
        }
    }
}
