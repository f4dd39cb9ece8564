"""What is served of the models in the package: the pipeline's own answers."""

import json

import numpy as np

from plates import pipeline, serve, synth, tables


def test_answers_are_the_pipelines() -> None:
    service = serve.service()
    scene, known = synth.scene(np.random.default_rng([7, 0]))
    nothing = np.full((90, 120, 3), 127, np.uint8)
    answers = service.answer([nothing, scene])
    found = pipeline.open().read([nothing, scene])
    assert [answer["plates"] for answer in answers if not isinstance(answer, Exception)] == [
        tables.entry("", some)["nums"] for some in found
    ]
    assert not isinstance(answers[0], Exception)
    assert not isinstance(answers[1], Exception)
    assert answers[0]["plates"] == []
    texts = {plate["text"] for plate in answers[1]["plates"]}
    assert texts & {text for _, text in known}, "the drawn scene's plate is not read"

    assert [part.title for part in service.show(nothing, answers[0]).parts] == ["no plate"]
    shown = service.show(scene, answers[1])
    assert shown.picture.shape == scene.shape
    assert (shown.picture != scene).any()
    first = answers[1]["plates"][0]
    assert shown.parts[0].title.startswith(first["text"])
    assert "".join(label for label, _ in shown.parts[0].bars) == first["text"]
    info = json.dumps(service.info)
    assert set(service.info) == {"task", "detector", "reader", "gate"}
    assert "/" not in info
