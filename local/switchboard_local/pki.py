"""Certificates and tokens of a control plane that lives for one run.

Elliptic-curve keys: making all of them takes a few milliseconds, where RSA would take seconds.
"""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=30)
"""Longer than any run, shorter than a leaked key would be of use."""

CLOCK_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Paths of a certificate and its private key."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ControlPlaneFiles:
    """Everything the control plane proves its identity with, as files."""

    ca: Path
    ca_key: Path
    apiserver: KeyPair
    components: KeyPair
    """Serving certificate of controller manager, scheduler and kubelets."""
    kubelet_client: KeyPair
    """What the API server shows to kubelets."""
    front_proxy_ca: Path
    front_proxy_client: KeyPair
    service_account: KeyPair
    """Signs service account tokens; only its key is used."""
    tokens: Path
    """The API server's table of static tokens."""
    admin_token: str = field(repr=False)
    admin_token_file: Path


@dataclass(frozen=True, slots=True)
class _Authority:
    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate


def write_control_plane_files(directory: Path, *, hosts: Iterable[str]) -> ControlPlaneFiles:
    """Make keys and certificates for a control plane that answers at `hosts`.

    An address stands among the hosts as text, like a name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    ca = _authority("switchboard-local")
    front_proxy = _authority("switchboard-local-front-proxy")
    names = list(hosts)
    token = secrets.token_urlsafe(32)
    _write(directory / "ca.crt", _pem(ca.cert))
    _write(directory / "ca.key", _pem_key(ca.key))
    _write(directory / "front-proxy-ca.crt", _pem(front_proxy.cert))
    _write(directory / "tokens.csv", f'{token},admin,admin,"system:masters"\n'.encode())
    _write(directory / "admin.token", token.encode())
    _issue(directory, "apiserver", ca, hosts=names)
    _issue(directory, "components", ca, hosts=names)
    _issue(directory, "kubelet-client", ca, organization="system:masters", hosts=())
    _issue(directory, "front-proxy-client", front_proxy, hosts=())
    _issue(directory, "service-account", ca, hosts=())
    return control_plane_files(directory)


def control_plane_files(directory: Path) -> ControlPlaneFiles:
    """Return the files that `write_control_plane_files` made there."""

    def pair(name: str) -> KeyPair:
        return KeyPair(directory / f"{name}.crt", directory / f"{name}.key")

    return ControlPlaneFiles(
        ca=directory / "ca.crt",
        ca_key=directory / "ca.key",
        apiserver=pair("apiserver"),
        components=pair("components"),
        kubelet_client=pair("kubelet-client"),
        front_proxy_ca=directory / "front-proxy-ca.crt",
        front_proxy_client=pair("front-proxy-client"),
        service_account=pair("service-account"),
        tokens=directory / "tokens.csv",
        admin_token=(directory / "admin.token").read_text(),
        admin_token_file=directory / "admin.token",
    )


def issue_node_certificate(directory: Path, files: ControlPlaneFiles, node: str) -> KeyPair:
    """Make the client certificate by which a kubelet is known as its node."""
    cert = x509.load_pem_x509_certificate(files.ca.read_bytes())
    key = serialization.load_pem_private_key(files.ca_key.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{files.ca_key} does not hold an elliptic-curve key")
    return _issue(
        directory,
        node,
        _Authority(cert.subject, key, cert),
        common_name=f"system:node:{node}",
        organization="system:nodes",
        hosts=(),
    )


def _authority(name: str) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
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
    cert = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Authority(subject, key, cert)


def _issue(
    directory: Path,
    name: str,
    ca: _Authority,
    *,
    hosts: Iterable[str],
    common_name: str | None = None,
    organization: str | None = None,
) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name or name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    builder = (
        _builder(x509.Name(attributes), ca.name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(both, critical=False)
        .add_extension(authority_key, critical=False)
    )
    alternatives = [_general_name(host) for host in hosts]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    pair = KeyPair(directory / f"{name}.crt", directory / f"{name}.key")
    _write(pair.cert, _pem(builder.sign(ca.key, hashes.SHA256())))
    _write(pair.key, _pem_key(key))
    return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        # The API server reads service account keys in this form only.
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
