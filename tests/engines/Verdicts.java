import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Two verdicts of Java on client certificates: "java Verdicts.java cases", one case a line: bundle file, TAB, file of
 * what the client sends (leaf first). Prints a line a case: JSSE's verdict, TAB, CertPath's; each "accepted" or a reason.
 *
 * JSSE is what Java servers ask (every certificate of the bundle is an anchor). CertPath is asked as RFC 5280 has it:
 * self-signed certificates are anchors, all others help to build the path.
 */
public final class Verdicts {
    private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] files = line.split("\t");
            List<X509Certificate> bundle = read(files[0]);
            List<X509Certificate> sent = read(files[1]);
            System.out.println(said(() -> jsse(bundle, sent)) + "\t" + said(() -> certPath(bundle, sent)));
        }
    }

    private interface Judge {
        void judge() throws Exception;
    }

    private static String said(Judge judge) {
        try {
            judge.judge();
            return "accepted";
        } catch (java.security.GeneralSecurityException refusal) {
            return String.valueOf(refusal.getMessage()).replaceAll("\\s+", " ");
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private static void jsse(List<X509Certificate> bundle, List<X509Certificate> sent) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        for (X509Certificate each : bundle) {
            store.setCertificateEntry(String.valueOf(store.size()), each);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            String algorithm = sent.get(0).getPublicKey().getAlgorithm();
            ((X509TrustManager) manager).checkClientTrusted(sent.toArray(new X509Certificate[0]), algorithm);
        }
    }

    private static void certPath(List<X509Certificate> bundle, List<X509Certificate> sent) throws Exception {
        Set<TrustAnchor> anchors = new HashSet<>();
        List<X509Certificate> helpers = new ArrayList<>(sent);
        for (X509Certificate each : bundle) {
            if (each.getSubjectX500Principal().equals(each.getIssuerX500Principal())) {
                anchors.add(new TrustAnchor(each, null));
            } else {
                helpers.add(each);
            }
        }
        X509CertSelector leaf = new X509CertSelector();
        leaf.setCertificate(sent.get(0));
        leaf.setExtendedKeyUsage(Set.of(CLIENT_AUTH));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(anchors, leaf);
        parameters.setRevocationEnabled(false);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(helpers)));
        CertPathBuilder.getInstance("PKIX").build(parameters);
    }

    private static List<X509Certificate> read(String file) throws Exception {
        List<X509Certificate> certificates = new ArrayList<>();
        try (InputStream stream = new FileInputStream(file)) {
            CertificateFactory.getInstance("X.509").generateCertificates(stream)
                .forEach(each -> certificates.add((X509Certificate) each));
        }
        return certificates;
    }
}
