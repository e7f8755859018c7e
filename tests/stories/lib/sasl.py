# SPDX-License-Identifier: Apache-2.0
"""The server's side of SASL: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256, XOAUTH2,
OAUTHBEARER."""

import base64
import binascii
import hashlib
import hmac
import os

ROUNDS = 4096


def _decode(line):
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return b""


def _plain(users, initial, challenge):
    if not initial:
        initial = challenge(b"")
    parts = _decode(initial).split(b"\0")
    if len(parts) != 3:
        return None
    user, password = parts[1].decode(), parts[2].decode()
    return user if user in users and users[user] == password else None


def _login(users, initial, challenge):
    if not initial:
        initial = challenge(base64.b64encode(b"Username:"))
    user = _decode(initial).decode()
    password = _decode(challenge(base64.b64encode(b"Password:"))).decode()
    return user if user in users and users[user] == password else None


def _cram_md5(users, initial, challenge):
    if initial:
        return None               # RFC 2195 has no initial response
    nonce = b"<%s@example.com>" % os.urandom(8).hex().encode()
    user, _, digest = _decode(challenge(base64.b64encode(nonce))).decode().rpartition(" ")
    if user not in users:
        return None
    wanted = hmac.new(users[user].encode(), nonce, "md5").hexdigest()
    return user if hmac.compare_digest(wanted, digest) else None


def _fields(text):
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def _scram(users, initial, challenge):
    """RFC 7677; the client must not ask for channel binding."""
    if not initial:
        initial = challenge(b"")
    first = _decode(initial).decode()
    if not first.startswith(("n,,", "y,,")):
        return None
    bare = first[3:]
    ask = _fields(bare)
    user = ask.get("n", "").replace("=2C", ",").replace("=3D", "=")
    if user not in users or not ask.get("r"):
        return None
    salt = os.urandom(16)
    nonce = ask["r"] + os.urandom(12).hex()
    said = f"r={nonce},s={base64.b64encode(salt).decode()},i={ROUNDS}"
    final = _decode(challenge(base64.b64encode(said.encode()))).decode()
    got = _fields(final)
    without_proof = final.rsplit(",p=", 1)[0]
    message = f"{bare},{said},{without_proof}".encode()
    salted = hashlib.pbkdf2_hmac("sha256", users[user].encode(), salt, ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client_key).digest()
    signature = hmac.digest(stored, message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    if got.get("r") != nonce or not hmac.compare_digest(proof, _decode(got.get("p", ""))):
        return None
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    verifier = base64.b64encode(hmac.digest(server_key, message, "sha256"))
    challenge(base64.b64encode(b"v=" + verifier))
    return user


def _xoauth2(users, initial, challenge):
    if not initial:
        initial = challenge(b"")
    parts = _decode(initial).decode().split("\x01")
    if len(parts) != 4 or not parts[0].startswith("user=") or parts[2:] != ["", ""]:
        return None
    user, token = parts[0][5:], parts[1]
    if user in users and token == f"auth=Bearer {users[user]}":
        return user
    challenge(base64.b64encode(b'{"status":"401"}'))
    return None


def _oauthbearer(users, initial, challenge):
    """RFC 7628: a GS2 header with the user, then key=value pairs."""
    if not initial:
        initial = challenge(b"")
    parts = _decode(initial).decode().split("\x01")
    if len(parts) < 4 or parts[-2:] != ["", ""] or not parts[0].startswith("n,a="):
        return None
    user = parts[0][4:].rstrip(",").replace("=2C", ",").replace("=3D", "=")
    if user in users and f"auth=Bearer {users[user]}" in parts[1:-2]:
        return user
    challenge(base64.b64encode(b'{"status":"invalid_token"}'))
    return None


MECHANISMS = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5,
              "SCRAM-SHA-256": _scram, "XOAUTH2": _xoauth2,
              "OAUTHBEARER": _oauthbearer}


def authenticate(mechanism, users, initial, challenge):
    """The user's name, or None. challenge(text) sends 334 text and returns the client's line."""
    try:
        return MECHANISMS[mechanism](users, initial, challenge)
    except UnicodeDecodeError:
        return None
