"""A request's body -> the names and bytes of its pictures."""

import base64
import binascii
from typing import Any

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

_SEPARATORS = 10_000  # commas and brackets of a JSON request


class Images(BaseModel):
    """Pictures in a JSON request."""

    images: list[str] = Field(description="encoded pictures, each in base64")


async def pictures(request: Request, most: int) -> list[tuple[str, bytes]]:
    """Names and encoded pictures, 1 to `most`.

    Raises:
        HTTPException: 415 for another kind of body, 400 for one that is no such or has no picture,
            413 for more than `most`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        try:
            async with request.form() as form:
                files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
                found = [(_name(file, i), await file.read()) for i, file in enumerate(files)]
        except UnicodeError as error:  # the form may name any `charset` that Python knows
            raise HTTPException(400, "the form's text cannot be read") from error
    elif kind == "application/json":
        body = await request.body()
        try:
            # Base64 has neither: millions of them are nothing but work for the parser.
            if body.count(b",") + body.count(b"[") > _SEPARATORS:
                raise ValueError
            images = Images.model_validate_json(body).images
            found = [
                (str(i), base64.b64decode(text, validate=True)) for i, text in enumerate(images)
            ]
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, 'the body is not {"images": [BASE64, ...]}') from error
    else:
        raise HTTPException(415, "the body must be multipart/form-data or application/json")
    if not found:
        raise HTTPException(400, "the request has no picture")
    if len(found) > most:
        raise HTTPException(413, f"the request has more than {most} pictures")
    return found


def _name(file: UploadFile, place: int) -> str:
    # The request says how its text is to be read, and some ways make characters no answer can have.
    return (file.filename or str(place)).encode(errors="replace").decode()


_FILE = {"type": "string", "format": "binary"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"files": {"type": "array", "items": _FILE}},
                    "required": ["files"],
                }
            },
            "application/json": {"schema": Images.model_json_schema()},
        },
    }
}
"""What the OpenAPI document says of it."""
