"""Google's sign-ins, as its library checks them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, exceptions, jwt

from shared.serving.certificates import Certificates


class FakeGoogle:
    """Signs ID tokens with a key of its own and serves its certificate, as the transport of Google's library."""

    def __init__(self, audience: str = "", email: str = "") -> None:
        self.audience, self.email = audience, email
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name, now = x509.Name([]), datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.signer = crypt.RSASigner.from_string(pem, "key-1")
        self.keys = json.dumps({"key-1": certificate.decode()}).encode()
        self.fetches = 0
        self.status = 200
        self.certificates = Certificates(self.transport)

    def transport(self) -> Any:
        def fetch(url: str, method: str, timeout: float) -> Any:
            self.fetches += 1
            if self.status == 0:
                raise exceptions.TransportError("down")
            return SimpleNamespace(status=self.status, data=self.keys)

        return fetch

    def token(self, **claims: Any) -> str:
        now = int(datetime.now(UTC).timestamp())
        base = {"iss": "https://accounts.google.com", "aud": self.audience, "email": self.email, "email_verified": True}
        token: bytes = jwt.encode(self.signer, base | {"iat": now, "exp": now + 600} | claims)
        return token.decode()
