// One judge of what the service emits: Java's own PKIX. Reads a docket (see docket.ts) and prints one JSON line for each question.
// It must never know anything of our code, and needs nothing but a JDK of 17 or later.

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.*;
import java.util.*;
import java.util.stream.Collectors;

public class Judge {
  static Path folder;
  static CertificateFactory factory;

  public static void main(String[] args) throws Exception {
    folder = Path.of(args[0]);
    factory = CertificateFactory.getInstance("X.509");
    for (String line : Files.readAllLines(Path.of(args[1]))) {
      String[] words = line.split("\t");
      Map<String, String> facts = new HashMap<>();
      for (String word : List.of(words).subList(2, words.length)) {
        int equals = word.indexOf('=');
        facts.put(word.substring(0, equals), word.substring(equals + 1));
      }
      String verdict = "accepted";
      String said;
      try {
        said = judge(words[1], facts);
      } catch (Exception | Error refusal) {
        verdict = "refused";
        said = reasonOf(refusal);
      }
      System.out.println("{\"name\":" + json(words[0]) + ",\"verdict\":\"" + verdict + "\",\"said\":" + json(said) + "}");
    }
  }

  static String judge(String question, Map<String, String> facts) throws Exception {
    switch (question) {
      case "certificate": return judgeCertificate(facts);
      case "crl": return judgeList(facts);
      case "ocsp": return judgeStatus(facts);
      default: throw new IllegalArgumentException("no question: " + question);
    }
  }

  /** RFC 5280 §6.1: from the certificate to the root that is trusted, with the lists if there are any. */
  static String judgeCertificate(Map<String, String> facts) throws Exception {
    X509Certificate leaf = certificate(facts.get("file"));
    PKIXParameters parameters = parameters(facts, leaf);
    if (facts.containsKey("crls")) {
      List<CRL> lists = new ArrayList<>();
      for (String file : facts.get("crls").split(",")) lists.add(list(file));
      parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
      PKIXRevocationChecker checker = (PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker();
      checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
      parameters.addCertPathChecker(checker);
    }
    validate(facts, leaf, parameters);
    return leaf.getSubjectX500Principal().getName();
  }

  static String judgeList(Map<String, String> facts) throws Exception {
    X509CRL list = list(facts.get("file"));
    X509Certificate issuer = certificate(facts.get("issuer"));
    if (list.hasUnsupportedCriticalExtension()) throw new CRLException("a critical extension is not known");
    if (!list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) throw new CRLException("another issuer");
    list.verify(issuer.getPublicKey());
    Date at = at(facts);
    if (at.before(list.getThisUpdate()) || !at.before(list.getNextUpdate())) throw new CRLException("not current");
    Set<? extends X509CRLEntry> entries = list.getRevokedCertificates();
    if (entries == null) return "";
    return entries.stream().map(X509CRLEntry::getSerialNumber).sorted().map(serial -> serial.toString(16)).collect(Collectors.joining(","));
  }

  /** Asks a responder (url), or reads a response that was kept (file); Java has no other way to read one than to use it. */
  static String judgeStatus(Map<String, String> facts) throws Exception {
    X509Certificate leaf = certificate(facts.get("certificate"));
    PKIXRevocationChecker checker = (PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker();
    checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.ONLY_END_ENTITY, PKIXRevocationChecker.Option.NO_FALLBACK));
    if (facts.containsKey("url")) checker.setOcspResponder(URI.create(facts.get("url")));
    else checker.setOcspResponses(Map.of(leaf, Files.readAllBytes(folder.resolve(facts.get("file")))));
    PKIXParameters parameters = parameters(facts, leaf);
    parameters.addCertPathChecker(checker);
    try {
      validate(facts, leaf, parameters);
      return "good";
    } catch (CertPathValidatorException refusal) {
      if (refusal.getReason() == CertPathValidatorException.BasicReason.REVOKED) return "revoked";
      throw refusal;
    }
  }

  static PKIXParameters parameters(Map<String, String> facts, X509Certificate leaf) throws Exception {
    String[] chain = facts.get("chain").split(",");
    TrustAnchor root = new TrustAnchor(certificate(chain[chain.length - 1]), null);
    PKIXParameters parameters = new PKIXParameters(Set.of(root));
    parameters.setDate(at(facts));
    // a checker is added where revocation is asked about
    parameters.setRevocationEnabled(false);
    // the policy of the leaf must be one that every authority above it may certify
    parameters.setExplicitPolicyRequired(true);
    if (facts.containsKey("purposes")) {
      X509CertSelector wanted = new X509CertSelector();
      wanted.setCertificate(leaf);
      wanted.setExtendedKeyUsage(Set.of(facts.get("purposes").split(",")));
      parameters.setTargetCertConstraints(wanted);
    }
    return parameters;
  }

  static void validate(Map<String, String> facts, X509Certificate leaf, PKIXParameters parameters) throws Exception {
    List<X509Certificate> path = new ArrayList<>();
    path.add(leaf);
    String[] chain = facts.get("chain").split(",");
    for (String file : List.of(chain).subList(0, chain.length - 1)) path.add(certificate(file));
    CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(path), parameters);
  }

  static Date at(Map<String, String> facts) {
    return new Date(Long.parseLong(facts.get("at")) * 1000);
  }

  static X509Certificate certificate(String file) throws Exception {
    byte[] der = Files.readAllBytes(folder.resolve(file));
    X509Certificate certificate = (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
    if (!Arrays.equals(certificate.getEncoded(), der)) throw new CertificateException("it is not read as it was written");
    if (certificate.getSerialNumber().compareTo(BigInteger.ZERO) <= 0) throw new CertificateException("a serial is positive");
    // each is read to its end only when it is asked for
    certificate.getSubjectAlternativeNames();
    certificate.getExtendedKeyUsage();
    certificate.getKeyUsage();
    return certificate;
  }

  static X509CRL list(String file) throws Exception {
    return (X509CRL) factory.generateCRL(new ByteArrayInputStream(Files.readAllBytes(folder.resolve(file))));
  }

  static String reasonOf(Throwable refusal) {
    String text = String.valueOf(refusal.getMessage());
    return refusal.getCause() == null ? text : text + ": " + reasonOf(refusal.getCause());
  }

  static String json(String text) {
    StringBuilder written = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\' || c < ' ' || c > '~') written.append(String.format("\\u%04x", (int) c));
      else written.append(c);
    }
    return written.append('"').toString();
  }
}
