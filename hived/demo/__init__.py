"""The demo's play: what each of its agents says and does (`*.toml`, docs/SCENARIOS.md), and the repository they work on."""
