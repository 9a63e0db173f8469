"""hive.toml: what is taken, and what is refused in one sentence that names the key."""

from pathlib import Path

import pytest

from hived.config import Config, load_config
from hived.wire.errors import InvalidConfig


def loaded(folder: Path, text: str) -> Config:
    file = folder / "hive.toml"
    file.write_text(text)
    return load_config(file)


def test_a_price_may_be_for_a_model_or_a_glob(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        '[prices."gpt-5*"]\ninput = 1.25\noutput = 10\ncache_read = 0.125\n[prices.qwen]\ninput = 0\noutput = 0\n',
    )
    assert {name: (price.input, price.output, price.cache_read) for name, price in config.prices.items()} == {
        "gpt-5*": (1.25, 10.0, 0.125), "qwen": (0.0, 0.0, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[prices."gpt-5*"]\ninput = -1\noutput = 1', "prices.gpt-5*.input: "),
        ('[prices."gpt-5*"]\ninput = 1', "prices.gpt-5*.output: "),
        ('[prices."gpt-5*"]\ninput = "cheap"\noutput = 1', "prices.gpt-5*.input: "),
        ('[prices."gpt-5*"]\ninput = inf\noutput = 1', "prices.gpt-5*.input: "),
        ('[prices."gpt-5*"]\ninput = nan\noutput = 1', "prices.gpt-5*.input: "),
        ('[prices."gpt-5*"]\ninput = 1\noutput = 1\ncached = 1', "prices.gpt-5*.cached: "),
        ("prices = 3", "prices: "),
        ("[prices]\nqwen = 3", "prices.qwen: "),
    ],
)
def test_a_wrong_price_table_is_one_sentence_that_names_the_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        loaded(tmp_path, text)
    assert refusal.value.message.startswith(f"{tmp_path}/hive.toml: {key}")
    assert "\n" not in refusal.value.message
