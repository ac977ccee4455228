import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Java's own client, which finds proxy and trust store in its properties. */
public class Send {
    public static void main(String[] args) throws IOException {
        String form = "grant_type=client_credentials&scope=notify.windows.com&client_id=" + encode(System.getenv("SID"))
            + "&client_secret=" + encode(System.getenv("SECRET"));
        HttpURLConnection token = post(System.getenv("TOKEN_URL"), Map.of("Content-Type", "application/x-www-form-urlencoded"), form);
        String json = new String(token.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String value = json.replaceAll(".*\"access_token\":\"([^\"]*)\".*", "$1");
        HttpURLConnection sent = post(System.getenv("CHANNEL"), Map.of("Authorization", "Bearer " + value, "Content-Type", "application/octet-stream",
            "X-WNS-Type", "wns/raw", "X-WNS-Cache-Policy", "cache"), "wake up");
        System.out.println(sent.getResponseCode() + " " + sent.getHeaderField("X-WNS-Status"));
    }

    private static String encode(String s) {
        return URLEncoder.encode(s, StandardCharsets.UTF_8);
    }

    private static HttpURLConnection post(String url, Map<String, String> headers, String body) throws IOException {
        HttpURLConnection c = (HttpURLConnection) URI.create(url).toURL().openConnection();
        c.setRequestMethod("POST");
        c.setDoOutput(true);
        headers.forEach(c::setRequestProperty);
        try (OutputStream out = c.getOutputStream()) {
            out.write(body.getBytes(StandardCharsets.UTF_8));
        }
        return c;
    }
}
