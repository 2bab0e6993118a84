"""The options file of TLS: what a BEAM is told there is understood, and each fault is one line."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from tls_files import certificate, write_options

from pyerlnode.errors import ConfigError
from pyerlnode.node.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

    Load = Any


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`load(text)`: the options of a file with this text; the files that it names are in DIR."""
    for role in ("server", "client"):
        write_options(tmp_path, **{role: "good"})

    def load(text: str) -> Tls:
        file = tmp_path / "given.conf"
        file.write_text(text.replace("DIR", str(tmp_path)))
        return Tls(str(file))

    return load


CERTIFICATE = '{certfile, "DIR/server_certfile.pem"}, {keyfile, "DIR/server_keyfile.pem"}'


def test_a_file_as_a_beam_takes_it(load: Load) -> None:
    tls = load(
        f"""%% a comment
        [{{server, [{CERTIFICATE}, {{cacertfile, <<"DIR/ca.pem">>}},
                    {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}, {{versions, ['tlsv1.3']}}]}},
         {{client, [{{cacertfile, "DIR/ca.pem"}}, {{versions, ['tlsv1.2', 'tlsv1.1']}}]}}].
        """
    )
    assert tls.can_listen
    server, client = tls.server_context(), tls._client.current()
    assert (server.verify_mode, client.verify_mode) == (ssl.CERT_REQUIRED, ssl.CERT_REQUIRED)
    assert (server.check_hostname, client.check_hostname) == (False, True)
    assert server.minimum_version is server.maximum_version is ssl.TLSVersion.TLSv1_3
    assert client.minimum_version is client.maximum_version is ssl.TLSVersion.TLSv1_2


def test_what_is_not_said_is_as_in_otp_27(load: Load) -> None:
    tls = load(f"[{{server, [{CERTIFICATE}]}}].")
    server, client = tls.server_context(), tls._client.current()
    assert (server.verify_mode, client.verify_mode) == (ssl.CERT_NONE, ssl.CERT_REQUIRED)
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2
    assert server.maximum_version is ssl.TLSVersion.TLSv1_3


def test_a_server_that_verifies_may_take_who_shows_nothing(load: Load) -> None:
    tls = load(f'[{{server, [{CERTIFICATE}, {{cacertfile, "DIR/ca.pem"}}, {{verify, verify_peer}}]}}].')
    assert tls.server_context().verify_mode is ssl.CERT_OPTIONAL


def test_the_key_may_stand_behind_the_certificate(load: Load, tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(b"".join(certificate("good")))
    assert load('[{server, [{certfile, "DIR/both.pem"}]}].').can_listen


def test_no_file() -> None:
    with pytest.raises(ConfigError, match=r"^TLS options /no/such\.conf: No such file or directory$"):
        Tls("/no/such.conf")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no Erlang term"),
        ("[{server, []}", "no Erlang term"),
        ("<<255>>", "is wanted"),
        ("{server, []}.", r"\[\{server, \[\.\.\.\]\}"),
        ("[server].", "is wanted"),
        ("[{peer, []}].", "peer is not known; server, client are"),
        ("[{server, []}, {server, []}].", "server is given twice"),
        ("[{server, none}].", "server: a list of"),
        ("[{server, [{depth, 2}]}].", "server: depth is not known; certfile, keyfile"),
        ("[{client, [{verify, maybe}]}].", "client: verify: verify_peer or verify_none is wanted"),
        ("[{client, [{verify, true}]}].", "client: verify: verify_peer or verify_none is wanted"),
        ("[{client, [{verify, verify_peer}]}].", "client: verify_peer needs cacertfile"),
        ("[{server, [{verify, verify_peer}]}].", "server: verify_peer needs cacertfile"),
        ("[{server, [{fail_if_no_peer_cert, true}]}].", "fail_if_no_peer_cert needs"),
        ("[{server, [{fail_if_no_peer_cert, 1}]}].", "fail_if_no_peer_cert: true or false"),
        ("[{server, [{versions, []}]}].", r"versions: tlsv1\.2 or tlsv1\.3 is needed"),
        ("[{server, [{versions, ['tlsv1.1']}]}].", r"versions: tlsv1\.2 or tlsv1\.3 is needed"),
        ("[{server, [{versions, ['sslv3']}]}].", "versions: a list of tlsv1"),
        ("[{server, [{versions, 'tlsv1.3'}]}].", "versions: a list of tlsv1"),
        ("[{server, [{certfile, 7}]}].", "server: certfile: the name of a file is wanted"),
        ('[{server, [{certfile, ""}]}].', "server: certfile: the name of a file is wanted"),
        ('[{server, [{certfile, "/no/such.pem"}]}].', r"certfile /no/such\.pem: No such file"),
        ('[{client, [{keyfile, "DIR/server_keyfile.pem"}]}].', "client: keyfile without certfile"),
        (
            '[{server, [{certfile, "DIR/server_certfile.pem"}, {keyfile, "/no/key.pem"}]}].',
            r"keyfile /no/key\.pem: No such file",
        ),
        ('[{server, [{certfile, "DIR/server_certfile.pem"}]}].', "or no key in"),
        ('[{server, [{certfile, "DIR/given.conf"}]}].', "no certificate in certfile"),
        ('[{client, [{cacertfile, "DIR/given.conf"}]}].', "cacertfile .*holds no certificates"),
        ('[{client, [{cacertfile, "/no/ca.pem"}]}].', r"cacertfile /no/ca\.pem: No such file"),
        ('[{client, [{cacertfile, "DIR"}]}].', "cacertfile .*Is a directory|holds no certificates"),
    ],
)
def test_what_is_wrong_is_one_line(load: Load, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        load(text)
    assert str(error.value).startswith("TLS options ") and "\n" not in str(error.value)


def test_a_key_that_belongs_to_another_certificate_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(certificate("other_host")[1])
    with pytest.raises(ConfigError, match=r"keyfile .*other\.pem does not belong to certfile"):
        load('[{server, [{certfile, "DIR/server_certfile.pem"}, {keyfile, "DIR/other.pem"}]}].')


def test_a_key_that_is_encrypted_is_named_and_nobody_is_asked(load: Load, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(certificate("good")[1], None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "locked.pem").write_bytes(encrypted)
    with pytest.raises(ConfigError, match=r"keyfile .*locked\.pem is encrypted"):
        load('[{server, [{certfile, "DIR/server_certfile.pem"}, {keyfile, "DIR/locked.pem"}]}].')
