import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A push makes a device fetch its work: java PushTest.java. The server is the reference server; start yours instead. */
public class PushTest {
    static final String LOC_URI = "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";

    public static void main(String[] args) throws Exception {
        Path caDir = Files.createTempDirectory("ca");
        try (Dmwake lab = Dmwake.lab(caDir);
                // The environment has CA and proxy, so that the server reaches the lab's WNS.
                Dmwake server = Dmwake.start(lab.env("DMWAKE_PASSWORD", "demo"), "mdm", "--listen", "auto", "--admin", "auto",
                        "--ca-dir", Path.of(lab.field("ca")).getParent().toString())) {
            String namespace = "java-" + UUID.randomUUID().toString().substring(0, 12);
            try {
                pushDeliversThePolicy(lab, server, namespace);
            } finally {
                lab.call("DELETE", "/v1/namespaces/" + namespace, null);
            }
        } finally {
            Dmwake.delete(caDir);
        }
        System.out.println("passed");
    }

    static void pushDeliversThePolicy(Dmwake lab, Dmwake server, String namespace) throws Exception {
        String created = lab.call("POST", "/v1/devices", """
                {"namespace": "%s", "key": "ec", "server": {"discovery": "%s", "ca": "%s"}, "enroll": {"username": "%s", "password": "demo"}}"""
                .formatted(namespace, server.field("discovery"), Files.readString(Path.of(server.field("ca"))).replace("\n", "\\n"), server.field("username")));
        String id = Dmwake.field(created, "id"), device = "/v1/devices/" + id;
        lab.call("POST", device + "/enroll", null);
        lab.call("POST", device + "/wait", "{\"for\": \"channel\"}");
        lab.call("POST", device + "/sync", null); // the server learns the channel

        String admin = server.field("admin") + "/devices/" + id;
        Dmwake.http("POST", admin + "/commands", "{\"verb\": \"Replace\", \"locURI\": \"" + LOC_URI + "\", \"format\": \"int\", \"data\": \"8\"}", null);
        Dmwake.http("POST", admin + "/push", null, null);

        // The wait is a check, too: without such a command within 30 seconds it fails.
        lab.call("POST", device + "/wait", "{\"for\": \"command\", \"locURI\": \"" + LOC_URI + "\", \"code\": 200, \"timeout\": \"30s\"}");
        check("the policy", "8", Dmwake.field(lab.call("GET", device + "/tree?locURI=" + LOC_URI, null), "data"));
        check("the notification", "woken", Dmwake.field(lab.call("GET", "/v1/journal?device=" + id, null), "delivery"));
    }

    static void check(String what, String want, String got) {
        if (!want.equals(got)) {
            throw new AssertionError(what + " is " + got + ", want " + want);
        }
    }
}

/** A dmwake command that serves until it is closed. Copy this class into your tests. */
record Dmwake(Process process, Path dir, String ready) implements AutoCloseable {
    /** The lab of DMWAKE_READY if that is set, or a new one. */
    static Dmwake lab(Path caDir) throws Exception {
        String joined = System.getenv("DMWAKE_READY");
        return joined != null ? new Dmwake(null, null, Files.readString(Path.of(joined)))
                : start(Map.of(), "lab", "--wns-listen", "auto", "--proxy", "auto", "--control", "auto", "--ca-dir", caDir.toString());
    }

    static Dmwake start(Map<String, String> env, String... args) throws Exception {
        Path dir = Files.createTempDirectory("dmwake"), file = dir.resolve("ready.json"), log = dir.resolve("log");
        List<String> command = new ArrayList<>(List.of(System.getenv().getOrDefault("DMWAKE", "dmwake")));
        command.addAll(List.of(args));
        command.addAll(List.of("--ready", file.toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().putAll(env);
        Process process = builder.start();
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); !Files.exists(file); Thread.sleep(20)) {
            if (!process.isAlive() || System.nanoTime() > end) {
                process.destroy();
                throw new IllegalStateException("dmwake " + args[0] + " is not ready:\n" + Files.readString(log));
            }
        }
        return new Dmwake(process, dir, Files.readString(file));
    }

    /** One call of the API; an error has the lab's words. */
    String call(String method, String path, String body) throws Exception {
        return http(method, field("control") + path, body, System.getenv("DMWAKE_CONTROL_TOKEN"));
    }

    static String http(String method, String url, String body, String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body)).header("Content-Type", "application/json");
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        var answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw new AssertionError(method + " " + url + ": " + answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    String field(String name) {
        return field(ready, name);
    }

    /** The first text field of that name. Use a JSON library if you have one. */
    static String field(String json, String name) {
        Matcher m = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
        return m.find() ? m.group(1) : null;
    }

    /** What the server under test needs in its environment, and one variable more. */
    Map<String, String> env(String name, String value) {
        Map<String, String> env = new HashMap<>(Map.of(name, value));
        Matcher m = Pattern.compile("\"([A-Za-z_]+)\": \"([^\"]*)\"").matcher(ready.substring(ready.indexOf("\"env\""), ready.indexOf("}", ready.indexOf("\"env\""))));
        while (m.find()) {
            env.put(m.group(1), m.group(2));
        }
        return env;
    }

    @Override
    public void close() throws Exception {
        if (process != null) {
            process.destroy();
            process.waitFor(30, TimeUnit.SECONDS);
            delete(dir);
        }
    }

    static void delete(Path dir) throws Exception {
        try (var files = Files.walk(dir)) {
            for (Path p : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }
}
