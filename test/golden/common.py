"""What the scripts here share: writing compact JSON beside themselves, one top-level key a line."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def plain(value):
    """Tensors and arrays as nested lists, rows first; dictionaries and lists all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "detach"):
        value = value.detach()
    return value.tolist() if hasattr(value, "tolist") else value


def write(name, content):
    lines = [
        json.dumps(key) + ":" + json.dumps(plain(item), separators=(",", ":"), allow_nan=False)
        for key, item in content.items()
    ]
    path = HERE / name
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{name}: {path.stat().st_size} bytes")
