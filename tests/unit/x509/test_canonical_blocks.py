"""What is read quickly, because it is written as the watcher writes it, is read as everything else is."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.x509 import openssl_pem, pem, truststore
from tests.support import pki

BLOCKS = tuple(pki.root(name).pem for name in ("One", "Two", "Three"))
WHOLE = "".join(BLOCKS)
PIECES = st.sampled_from(
    [
        *BLOCKS,
        *("\n", "\r\n", " ", "# a comment\n", "x", "A" * 300, "=", "\0", "\xef\xbb\xbf", "-----", "PRIVATE KEY"),
        "-----BEGIN CERTIFICATE-----\n",
        "\n-----END CERTIFICATE-----\n",
        *(block.replace("\n", "\r\n") for block in BLOCKS[:1]),
        *(block[:-1] for block in BLOCKS[:1]),
        BLOCKS[0].replace("BEGIN CERTIFICATE", "BEGIN TRUSTED CERTIFICATE"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ]
)


@contextmanager
def slowly() -> Iterator[None]:
    """Nothing is taken for a block as the watcher writes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openssl_pem, "_usual", lambda *_: None)
        yield


def both(text: str) -> None:
    data = text.encode("latin-1")
    quick = truststore.read(data)
    with slowly():
        slow = truststore.read(data)
    assert quick == slow
    assert [(block.pem, block.defect, block.certificate) for block in quick.blocks.values()] == [
        (block.pem, block.defect, block.certificate) for block in slow.blocks.values()
    ]


@given(st.lists(PIECES, max_size=9))
@settings(max_examples=300, deadline=None)
def test_pieces_in_any_order(pieces: list[str]) -> None:
    both("".join(pieces))


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from("\n\r -#=A/\0\x85x"), st.booleans())
@settings(max_examples=600, deadline=None)
def test_one_character_is_another_or_one_more(place: int, character: str, one_more: bool) -> None:  # noqa: FBT001
    both(WHOLE[:place] + character + WHOLE[place + (not one_more) :])


@given(st.integers(0, len(WHOLE)), st.integers(0, 200))
@settings(max_examples=200, deadline=None)
def test_something_is_cut_out(place: int, length: int) -> None:
    both(WHOLE[:place] + WHOLE[place + length :])


@pytest.mark.parametrize("before", [*range(252, 258), *range(506, 510)])
def test_a_block_behind_a_long_line(before: int) -> None:
    """OpenSSL reads 254 characters at once, so a block may begin where no line does."""
    both("y" * before + WHOLE)


def test_it_is_the_quick_way_that_is_tried_here() -> None:
    assert pem.canonical_at(WHOLE, 0, 16_384) is not None
    assert all(openssl_pem.read(WHOLE).begins.values())
    with slowly():
        assert not any(openssl_pem.read(WHOLE).begins.values())


@pytest.mark.parametrize(
    "text",
    [
        BLOCKS[0][:-1],
        BLOCKS[0].replace("\n", "\r\n"),
        BLOCKS[0].replace("BEGIN CERTIFICATE", "BEGIN X509 CERTIFICATE"),
        "-----BEGIN CERTIFICATE-----\nMAAx\n\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMB==\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMA\nA=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        f"-----BEGIN CERTIFICATE-----\n{'A' * 80}\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_written_otherwise_is_not_taken_for_it(text: str) -> None:
    assert pem.canonical_at(text, 0, 16_384) is None
