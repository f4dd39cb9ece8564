"""A few hundred requests of every kind; `python -m benchmarks.fuzz` sends thousands."""

from benchmarks import fuzz


def test_no_request_breaks_the_server() -> None:
    with fuzz.known() as client:
        counts = fuzz.run(client, "/predict", 300)
        assert client.get("/health").json()["waiting"] == {"sizes": 0}
    # All that is to be met was met.
    assert {200, 400, 405, 413, 415, 422} <= set(counts)
