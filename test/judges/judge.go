// One judge of what the service emits: Go's crypto/x509. Reads a docket (see docket.ts) and prints one JSON line for each question.
// It must never know anything of our code, and needs nothing but the standard library of Go 1.19 or later.
package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

var folder string

type facts map[string]string

func main() {
	folder = os.Args[1]
	docket, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, line := range strings.Split(strings.TrimSpace(string(docket)), "\n") {
		words := strings.Split(line, "\t")
		given := facts{}
		for _, word := range words[2:] {
			key, value, _ := strings.Cut(word, "=")
			given[key] = value
		}
		verdict := map[string]string{"name": words[0], "verdict": "accepted"}
		said, err := judge(words[1], given)
		if err != nil {
			verdict["verdict"] = "refused"
			said = err.Error()
		}
		verdict["said"] = said
		if err := out.Encode(verdict); err != nil {
			panic(err)
		}
	}
}

func judge(question string, given facts) (string, error) {
	switch question {
	case "certificate":
		return judgeCertificate(given)
	case "crl":
		return judgeList(given)
	case "ocsp":
		return judgeStatus(given)
	}
	return "", errors.New("no question: " + question)
}

var purposes = map[string]x509.ExtKeyUsage{
	"1.3.6.1.5.5.7.3.1": x509.ExtKeyUsageServerAuth,
	"1.3.6.1.5.5.7.3.2": x509.ExtKeyUsageClientAuth,
	"1.3.6.1.5.5.7.3.4": x509.ExtKeyUsageEmailProtection,
	"1.3.6.1.5.5.7.3.9": x509.ExtKeyUsageOCSPSigning,
}

func judgeCertificate(given facts) (string, error) {
	leaf, err := certificate(given["file"])
	if err != nil {
		return "", err
	}
	chain, err := certificates(given["chain"])
	if err != nil {
		return "", err
	}
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   given.at(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	options.Roots.AddCert(chain[len(chain)-1])
	for _, issuer := range chain[:len(chain)-1] {
		options.Intermediates.AddCert(issuer)
	}
	if _, err := leaf.Verify(options); err != nil {
		return "", err
	}
	for _, oid := range split(given["purposes"]) {
		usage, known := purposes[oid]
		if !known {
			if !hasUnknownUsage(leaf, oid) {
				return "", errors.New("not for " + oid)
			}
			continue
		}
		// Go takes any one of several: so each is asked about by itself
		options.KeyUsages = []x509.ExtKeyUsage{usage}
		if _, err := leaf.Verify(options); err != nil {
			return "", fmt.Errorf("%s: %w", oid, err)
		}
	}
	return leaf.Subject.String(), refuseListed(given, leaf, chain)
}

func hasUnknownUsage(leaf *x509.Certificate, oid string) bool {
	for _, unknown := range leaf.UnknownExtKeyUsage {
		if unknown.String() == oid {
			return true
		}
	}
	return false
}

// Go looks into no list by itself: each certificate below the root is looked up in the list of its issuer.
func refuseListed(given facts, leaf *x509.Certificate, chain []*x509.Certificate) error {
	if given["crls"] == "" {
		return nil
	}
	path := append([]*x509.Certificate{leaf}, chain...)
	for i, issuer := range path[1:] {
		found := false
		for _, file := range split(given["crls"]) {
			list, err := readList(file)
			if err != nil {
				return err
			}
			if !bytes.Equal(list.RawIssuer, issuer.RawSubject) {
				continue
			}
			if err := checkList(list, issuer, given.at()); err != nil {
				return err
			}
			found = true
			for _, entry := range list.RevokedCertificates {
				if entry.SerialNumber.Cmp(path[i].SerialNumber) == 0 {
					return fmt.Errorf("revoked: %x", entry.SerialNumber)
				}
			}
		}
		if !found && i+1 < len(path) {
			return errors.New("no list of " + issuer.Subject.String())
		}
	}
	return nil
}

func judgeList(given facts) (string, error) {
	list, err := readList(given["file"])
	if err != nil {
		return "", err
	}
	issuer, err := certificate(given["issuer"])
	if err != nil {
		return "", err
	}
	if err := checkList(list, issuer, given.at()); err != nil {
		return "", err
	}
	serials := make([]*big.Int, 0)
	for _, entry := range list.RevokedCertificates {
		serials = append(serials, entry.SerialNumber)
	}
	sort.Slice(serials, func(i, j int) bool { return serials[i].Cmp(serials[j]) < 0 })
	texts := make([]string, 0)
	for _, serial := range serials {
		texts = append(texts, fmt.Sprintf("%x", serial))
	}
	return strings.Join(texts, ","), nil
}

func checkList(list *x509.RevocationList, issuer *x509.Certificate, at time.Time) error {
	if !bytes.Equal(list.RawIssuer, issuer.RawSubject) {
		return errors.New("another issuer")
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return err
	}
	if at.Before(list.ThisUpdate) || !at.Before(list.NextUpdate) {
		return errors.New("not current")
	}
	if list.Number == nil || list.Number.Sign() <= 0 {
		return errors.New("a list has a number")
	}
	// Go 1.19 leaves the tags of the extension before the identifier
	if len(issuer.SubjectKeyId) == 0 || !bytes.HasSuffix(list.AuthorityKeyId, issuer.SubjectKeyId) {
		return errors.New("another key of the issuer")
	}
	for _, extension := range list.Extensions {
		if extension.Critical {
			return errors.New("a critical extension is not known: " + extension.Id.String())
		}
	}
	return nil
}

// RFC 6960 §4.2.1 ASN.1 Specification of the OCSP Response, as far as our responder goes: a byKey responderID, no other
// algorithm than the one of the signature.
type ocspResponse struct {
	Status asn1.Enumerated
	Bytes  struct {
		Type     asn1.ObjectIdentifier
		Response []byte
	} `asn1:"explicit,tag:0"`
}

type basicResponse struct {
	Data         asn1.RawValue
	Algorithm    pkix.AlgorithmIdentifier
	Signature    asn1.BitString
	Certificates []asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type responseData struct {
	ResponderKeyHash []byte    `asn1:"explicit,tag:2"`
	ProducedAt       time.Time `asn1:"generalized"`
	Responses        []singleResponse
	Extensions       []pkix.Extension `asn1:"explicit,tag:1,optional"`
}

type singleResponse struct {
	ID struct {
		Hash       pkix.AlgorithmIdentifier
		IssuerName []byte
		IssuerKey  []byte
		Serial     *big.Int
	}
	Good       asn1.Flag        `asn1:"tag:0,optional"`
	Revoked    revokedInfo      `asn1:"tag:1,optional"`
	Unknown    asn1.Flag        `asn1:"tag:2,optional"`
	ThisUpdate time.Time        `asn1:"generalized"`
	NextUpdate time.Time        `asn1:"generalized,explicit,tag:0,optional"`
	Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
}

type revokedInfo struct {
	At     time.Time       `asn1:"generalized"`
	Reason asn1.Enumerated `asn1:"explicit,tag:0,optional"`
}

func judgeStatus(given facts) (string, error) {
	issuer, err := certificate(given["issuer"])
	if err != nil {
		return "", err
	}
	der, err := os.ReadFile(filepath.Join(folder, given["file"]))
	if err != nil {
		return "", err
	}
	var response ocspResponse
	if err := exactly(der, &response); err != nil {
		return "", err
	}
	if response.Status != 0 || response.Bytes.Type.String() != "1.3.6.1.5.5.7.48.1.1" {
		return "", fmt.Errorf("status %d, type %s", response.Status, response.Bytes.Type)
	}
	var basic basicResponse
	if err := exactly(response.Bytes.Response, &basic); err != nil {
		return "", err
	}
	var data responseData
	if err := exactly(basic.Data.FullBytes, &data); err != nil {
		return "", err
	}
	if err := checkResponder(basic, data, issuer, given.at()); err != nil {
		return "", err
	}
	return statusOf(data, given, issuer)
}

// RFC 6960 §4.2.2.2 Authorized Responders: a delegate that the authority itself certified for this.
func checkResponder(basic basicResponse, data responseData, issuer *x509.Certificate, at time.Time) error {
	if len(basic.Certificates) != 1 {
		return errors.New("one responder certificate was expected")
	}
	responder, err := x509.ParseCertificate(basic.Certificates[0].FullBytes)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(issuer)
	options := x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}
	if _, err := responder.Verify(options); err != nil {
		return err
	}
	if basic.Algorithm.Algorithm.String() != "1.2.840.113549.1.1.11" {
		return errors.New("another algorithm: " + basic.Algorithm.Algorithm.String())
	}
	hash, err := keyHash(responder)
	if err != nil || !bytes.Equal(hash, data.ResponderKeyHash) {
		return errors.New("another responder")
	}
	return responder.CheckSignature(x509.SHA256WithRSA, basic.Data.FullBytes, basic.Signature.RightAlign())
}

func statusOf(data responseData, given facts, issuer *x509.Certificate) (string, error) {
	if len(data.Responses) != 1 {
		return "", errors.New("one response was expected")
	}
	single := data.Responses[0]
	name := sha1.Sum(issuer.RawSubject)
	key, err := keyHash(issuer)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(single.ID.IssuerName, name[:]) || !bytes.Equal(single.ID.IssuerKey, key) {
		return "", errors.New("a response about another issuer")
	}
	if fmt.Sprintf("%x", single.ID.Serial) != given["serial"] {
		return "", errors.New("a response about another serial")
	}
	at := given.at()
	if at.Before(single.ThisUpdate) || (!single.NextUpdate.IsZero() && !at.Before(single.NextUpdate)) {
		return "", errors.New("not current")
	}
	switch {
	case bool(single.Good):
		return "good", nil
	case bool(single.Unknown):
		return "unknown", nil
	case !single.Revoked.At.IsZero():
		return "revoked", nil
	}
	return "", errors.New("no status")
}

func keyHash(certificate *x509.Certificate) ([]byte, error) {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if err := exactly(certificate.RawSubjectPublicKeyInfo, &key); err != nil {
		return nil, err
	}
	hash := sha1.Sum(key.Key.RightAlign())
	return hash[:], nil
}

func exactly(der []byte, value interface{}) error {
	rest, err := asn1.Unmarshal(der, value)
	if err == nil && len(rest) > 0 {
		err = errors.New("octets after the end")
	}
	return err
}

func (given facts) at() time.Time {
	seconds, err := strconv.ParseInt(given["at"], 10, 64)
	if err != nil {
		panic(err)
	}
	return time.Unix(seconds, 0)
}

func certificate(file string) (*x509.Certificate, error) {
	der, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(parsed.UnhandledCriticalExtensions) > 0 {
		return nil, fmt.Errorf("critical extensions are not known: %v", parsed.UnhandledCriticalExtensions)
	}
	return parsed, nil
}

func certificates(files string) ([]*x509.Certificate, error) {
	all := make([]*x509.Certificate, 0)
	for _, file := range split(files) {
		one, err := certificate(file)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func readList(file string) (*x509.RevocationList, error) {
	der, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return nil, err
	}
	return x509.ParseRevocationList(der)
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}
