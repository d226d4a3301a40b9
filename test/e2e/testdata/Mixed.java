import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Asks the mixed questions by java.net.http, and checks every answer. */
public class Mixed {
    static byte[] letters(char first, int number, int n) {
        byte[] text = new byte[n];
        for (int i = 0; i < n; i++) text[i] = (byte) (first + (number + i) % 26);
        return text;
    }

    public static void main(String[] args) throws Exception {
        HttpClient plain = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpClient upgrading = HttpClient.newHttpClient(); // each request offers h2c
        // number method path body answer chunked expect, as the test writes it
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] q = line.split(" ");
            int number = Integer.parseInt(q[0]), body = Integer.parseInt(q[3]), answer = Integer.parseInt(q[4]);
            byte[] text = letters('a', number, body);
            HttpRequest.BodyPublisher publisher = body == 0 ? BodyPublishers.noBody()
                : q[5].equals("true") ? BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(text))
                : BodyPublishers.ofByteArray(text);
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + args[0] + q[2]))
                .method(q[1], publisher).expectContinue(q[6].equals("true")).build();
            var response = (number % 3 == 0 ? upgrading : plain).send(request, BodyHandlers.ofByteArray());
            byte[] want = letters('A', number, q[1].equals("HEAD") ? 0 : answer);
            if (response.statusCode() != 200 || !Arrays.equals(response.body(), want)) {
                System.err.println(line + ": status " + response.statusCode() + ", " + response.body().length + " bytes of " + want.length);
                System.exit(1);
            }
        }
        System.exit(0); // HttpClient's threads stay
    }
}
