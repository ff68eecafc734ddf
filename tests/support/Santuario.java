import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.xml.security.Init;
import org.apache.xml.security.signature.XMLSignature;
import org.apache.xml.security.transforms.Transforms;
import org.apache.xml.security.utils.Constants;
import org.apache.xml.security.utils.ElementProxy;
import org.apache.xml.security.utils.XMLUtils;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * Signs and verifies with Apache Santuario, all jobs of a file in one process: one line a job, fields separated by tabs.
 *
 * verify IN                                          answers true or false: every signature, the last one first
 * sign   IN OUT KEY CERT METHOD C14N DIGEST PREFIX   the key in PKCS#8 DER, the certificate in DER; answers true
 */
public final class Santuario {
    public static void main(String[] arguments) throws Exception {
        Init.init();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] job = line.split("\t", -1);
            try {
                System.out.println(job[0].equals("sign") ? sign(job) : verify(job[1]));
            } catch (Exception error) {
                System.out.println("false " + error.getClass().getSimpleName() + " " + error.getMessage());
            }
        }
    }

    private static boolean verify(String path) throws Exception {
        Document document = read(path);
        List<Element> signatures = new ArrayList<>();
        NodeList found = document.getElementsByTagNameNS(Constants.SignatureSpecNS, "Signature");
        for (int each = 0; each < found.getLength(); each++) {
            signatures.add((Element) found.item(each));
        }
        if (signatures.isEmpty()) {
            return false;
        }
        // The enveloped transform takes out its own signature only, so those behind one have to be gone before it.
        for (int last = signatures.size() - 1; last >= 0; last--) {
            Element element = signatures.get(last);
            XMLSignature signature = new XMLSignature(element, "", true);
            X509Certificate certificate = signature.getKeyInfo().getX509Certificate();
            if (!signature.checkSignatureValue(certificate)) {
                return false;
            }
            element.getParentNode().removeChild(element);
        }
        return true;
    }

    private static boolean sign(String[] job) throws Exception {
        Document document = read(job[1]);
        X509Certificate certificate;
        try (InputStream in = new FileInputStream(job[4])) {
            certificate = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        String family = certificate.getPublicKey().getAlgorithm();
        byte[] octets = Files.readAllBytes(Path.of(job[3]));
        PrivateKey key = KeyFactory.getInstance(family).generatePrivate(new PKCS8EncodedKeySpec(octets));
        ElementProxy.setDefaultPrefix(Constants.SignatureSpecNS, job[8]);
        XMLSignature signature = new XMLSignature(document, "", job[5], job[6]);
        Node header = document.getElementsByTagNameNS("*", "edXMLHeader").item(0);
        header.appendChild(signature.getElement());
        Transforms transforms = new Transforms(document);
        transforms.addTransform(Transforms.TRANSFORM_ENVELOPED_SIGNATURE);
        transforms.addTransform(job[6]);
        signature.addDocument("", transforms, job[7]);
        signature.addKeyInfo(certificate);
        signature.sign(key);
        try (OutputStream out = new FileOutputStream(job[2])) {
            XMLUtils.outputDOM(document, out);
        }
        return true;
    }

    private static Document read(String path) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document =
                factory.newDocumentBuilder().parse(new ByteArrayInputStream(Files.readAllBytes(Path.of(path))));
        NodeList all = document.getElementsByTagName("*");
        for (int each = 0; each < all.getLength(); each++) {
            Element element = (Element) all.item(each);
            if (element.hasAttribute("Id")) {
                element.setIdAttribute("Id", true);
            }
        }
        return document;
    }
}
