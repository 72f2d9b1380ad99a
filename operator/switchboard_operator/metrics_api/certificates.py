"""The serving certificate of the metrics API and the CA that signs it. Pure, but for the keys.

The CA is trusted for this one API by `caBundle` and nowhere else. It outlives many certificates, so
that a renewal changes nothing for the API server.
"""

import datetime as dt
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFETIME = dt.timedelta(days=3650)
CA_MARGIN = dt.timedelta(days=180)
"""A CA with less left is replaced, longer than any certificate it may still sign lives."""
LIFETIME = dt.timedelta(days=90)
MARGIN = dt.timedelta(days=30)
"""Renewed this long before the end: a month of failing renewals harms nobody."""
CLOCK_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Certificates:
    """All of it as PEM."""

    ca: str
    ca_key: str = field(repr=False)
    cert: str
    key: str = field(repr=False)


def renewed(old: Certificates | None, hosts: tuple[str, ...], now: dt.datetime) -> Certificates:
    """Return certificates good for a while; the old ones if they are."""
    if old is None or not _readable(old):
        return _new(hosts, now)
    ca = x509.load_pem_x509_certificate(old.ca.encode())
    if ca.not_valid_after_utc - now < CA_MARGIN:
        return _new(hosts, now)
    cert = x509.load_pem_x509_certificate(old.cert.encode())
    if cert.not_valid_after_utc - now > MARGIN and _hosts(cert) == set(hosts):
        return old
    ca_key = _load_key(old.ca_key)
    signed, key = _serving(hosts, ca, ca_key, now)
    return Certificates(ca=old.ca, ca_key=old.ca_key, cert=signed, key=key)


def _new(hosts: tuple[str, ...], now: dt.datetime) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "switchboard-metrics-api")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    ca = (
        _builder(name, name, key.public_key(), now, CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, cert_key = _serving(hosts, ca, key, now)
    return Certificates(ca=_pem(ca), ca_key=_pem_key(key), cert=cert, key=cert_key)


def _serving(
    hosts: tuple[str, ...],
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    # No common name: it is bound to 64 characters, the name of a Service with its namespace is not.
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "switchboard")])
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    cert = (
        _builder(subject, ca.subject, key.public_key(), now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return _pem(cert), _pem_key(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    lifetime: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _readable(certificates: Certificates) -> bool:
    try:
        x509.load_pem_x509_certificate(certificates.ca.encode())
        x509.load_pem_x509_certificate(certificates.cert.encode())
        _load_key(certificates.ca_key)
        _load_key(certificates.key)
    except ValueError:
        return False
    return True


def _load_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")  # noqa: TRY004  as an unreadable one
    return key


def _hosts(cert: x509.Certificate) -> set[str]:
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName))


def _pem(cert: x509.Certificate) -> str:
    return cert.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
