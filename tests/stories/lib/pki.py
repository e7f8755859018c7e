# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of our own, so that TLS is really verified in the stories."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _subject_alternative(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path, *parts):
    path.write_bytes(b"".join(parts))
    path.chmod(0o600)
    return path


class Authority:
    """Signs server certificates; `ca_file` is what a client has to trust."""

    def __init__(self, directory, name="stories CA"):
        self.directory = directory
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name, name, self.key.public_key(), DAY, 30 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        certificate = builder.sign(self.key, hashes.SHA256())
        self.ca_file = _write(directory / f"{name.replace(' ', '-')}.pem",
                              certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _builder(subject, issuer, public_key, age, left):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now - age).not_valid_after(now + left))

    def issue(self, *hosts, expired=False):
        """A PEM file with key and certificate for the hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        age, left = (10 * DAY, -DAY) if expired else (DAY, 10 * DAY)
        builder = self._builder(hosts[0], self.name, key.public_key(), age, left)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_subject_alternative(host) for host in hosts]), False)
        certificate = builder.sign(self.key, hashes.SHA256())
        label = f"{hosts[0]}{'-expired' if expired else ''}.pem"
        return _write(self.directory / label,
                      key.private_bytes(serialization.Encoding.PEM,
                                        serialization.PrivateFormat.PKCS8,
                                        serialization.NoEncryption()),
                      certificate.public_bytes(serialization.Encoding.PEM))
