"""One judge of what the service emits: python3-cryptography. Reads a docket (see docket.ts) and prints one JSON line for each
question. It must never know anything of our code, and needs nothing but cryptography 38 or later."""

import datetime
import hashlib
import json
import pathlib
import sys
import warnings

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

# names that some versions deprecate are the only ones that others have
warnings.simplefilter("ignore")

FOLDER = pathlib.Path(sys.argv[1])
UTC = datetime.timezone.utc


class Refused(Exception):
    pass


def demand(holds, otherwise):
    if not holds:
        raise Refused(otherwise)


def moment(thing, name):
    """Times were naive before 42 and have a name of their own since."""
    aware = getattr(thing, name + "_utc", None)
    if aware is not None:
        return aware
    naive = getattr(thing, name, None)
    return None if naive is None else naive.replace(tzinfo=UTC)


def at(facts):
    return datetime.datetime.fromtimestamp(int(facts["at"]), UTC)


def read(file):
    return (FOLDER / file).read_bytes()


def certificate(file):
    return strictly(x509.load_der_x509_certificate(read(file)))


def strictly(one):
    """Every extension is read to its end, and a critical one must be understood; so must every attribute of both names."""
    for extension in one.extensions:
        understood = not isinstance(extension.value, x509.UnrecognizedExtension)
        demand(understood or not extension.critical, f"a critical extension is not known: {extension.oid.dotted_string}")
    demand(one.serial_number > 0, "a serial is positive")
    demand(len(list(one.subject)) > 0 and len(list(one.issuer)) > 0, "a name is empty")
    one.public_key()
    return one


def check_signature(key, algorithm, signature, signed):
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    else:
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)


def value(one, kind):
    return one.extensions.get_extension_for_class(kind).value


def check_issued(one, issuer, now):
    demand(one.issuer.public_bytes() == issuer.subject.public_bytes(), "another issuer")
    demand(moment(one, "not_valid_before") <= now <= moment(one, "not_valid_after"), "not valid at this moment")
    demand(
        value(one, x509.AuthorityKeyIdentifier).key_identifier == value(issuer, x509.SubjectKeyIdentifier).digest,
        "another key of the issuer",
    )
    check_signature(issuer.public_key(), one.signature_hash_algorithm, one.signature, one.tbs_certificate_bytes)


def judge_certificate(facts):
    leaf = certificate(facts["file"])
    chain = [certificate(file) for file in facts["chain"].split(",")]
    now = at(facts)
    path = [leaf, *chain]
    for one, issuer in zip(path, [*chain, chain[-1]]):
        check_issued(one, issuer, now)
    for depth, issuer in enumerate(chain):
        basic = value(issuer, x509.BasicConstraints)
        demand(basic.ca, "an issuer is no authority")
        demand(basic.path_length is None or basic.path_length >= depth, "the path is too long")
        demand(value(issuer, x509.KeyUsage).key_cert_sign, "an issuer may not sign certificates")
    if "purposes" in facts:
        demand(not value(leaf, x509.BasicConstraints).ca, "it is an authority")
        purposes = {usage.dotted_string for usage in value(leaf, x509.ExtendedKeyUsage)}
        demand(purposes == set(facts["purposes"].split(",")), f"purposes {sorted(purposes)}")
    if "crls" in facts:
        lists = [x509.load_der_x509_crl(read(file)) for file in facts["crls"].split(",")]
        for one, issuer in zip(path, chain):
            check_not_listed(one, issuer, lists, now)
    return leaf.subject.rfc4514_string()


def check_not_listed(one, issuer, lists, now):
    own = [found for found in lists if found.issuer.public_bytes() == issuer.subject.public_bytes()]
    demand(len(own) == 1, "one list of the issuer was expected")
    check_list(own[0], issuer, now)
    demand(own[0].get_revoked_certificate_by_serial_number(one.serial_number) is None, f"revoked: {one.serial_number:x}")


def check_list(found, issuer, now):
    demand(found.issuer.public_bytes() == issuer.subject.public_bytes(), "another issuer")
    demand(found.is_signature_valid(issuer.public_key()), "the signature is wrong")
    demand(value(issuer, x509.KeyUsage).crl_sign, "the issuer may not sign lists")
    demand(moment(found, "last_update") <= now < moment(found, "next_update"), "not current")
    demand(value(found, x509.CRLNumber).crl_number > 0, "a list has a number")
    for extension in found.extensions:
        demand(not extension.critical, f"a critical extension is not known: {extension.oid.dotted_string}")


def judge_list(facts):
    found = x509.load_der_x509_crl(read(facts["file"]))
    check_list(found, certificate(facts["issuer"]), at(facts))
    for entry in found:
        list(entry.extensions)
    return ",".join(f"{serial:x}" for serial in sorted(entry.serial_number for entry in found))


def judge_status(facts):
    issuer = certificate(facts["issuer"])
    response = ocsp.load_der_ocsp_response(read(facts["file"]))
    demand(response.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL, str(response.response_status))
    now = at(facts)
    demand(len(response.certificates) == 1, "one responder certificate was expected")
    responder = strictly(response.certificates[0])
    check_issued(responder, issuer, now)
    purposes = list(value(responder, x509.ExtendedKeyUsage))
    demand(purposes == [x509.ExtendedKeyUsageOID.OCSP_SIGNING], "the delegate is not for this")
    demand(response.responder_key_hash == key_hash(responder), "another responder")
    check_signature(
        responder.public_key(), response.signature_hash_algorithm, response.signature, response.tbs_response_bytes
    )
    demand(response.issuer_key_hash == key_hash(issuer), "a response about another issuer")
    demand(response.issuer_name_hash == hashlib.sha1(issuer.subject.public_bytes()).digest(), "another issuer's name")
    demand(f"{response.serial_number:x}" == facts["serial"], "a response about another serial")
    until = moment(response, "next_update")
    demand(moment(response, "this_update") <= now and (until is None or now < until), "not current")
    return response.certificate_status.name.lower()


def key_hash(one):
    """RFC 6960 §4.1.1: SHA-1 of the subjectPublicKey bits, which for RSA are the DER of RSAPublicKey."""
    return hashlib.sha1(one.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).digest()


QUESTIONS = {"certificate": judge_certificate, "crl": judge_list, "ocsp": judge_status}

for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    name, question, *words = line.split("\t")
    try:
        verdict, said = "accepted", QUESTIONS[question](dict(word.split("=", 1) for word in words))
    except InvalidSignature:
        verdict, said = "refused", "the signature is wrong"
    except (Refused, ValueError, TypeError, x509.ExtensionNotFound) as refusal:
        verdict, said = "refused", str(refusal)
    print(json.dumps({"name": name, "verdict": verdict, "said": said}))
