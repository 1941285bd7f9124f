"""Images by Pillow: what they are, what EXIF tells, and a small picture of them."""

from __future__ import annotations

import io
import warnings
from typing import Final

from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from sage_mail.attachments.facts import Camera, Finding, ImageFacts, Status
from sage_mail.attachments.problems import Unusable

__all__ = ["Picture", "is_image", "read_image", "small_picture"]

# Those that come in mail and are decoded in the library itself: no EPS, which starts Ghostscript.
# Named here, they are all that is loaded; the other forty would take a second.
_PLUGINS: Final = (
    BmpImagePlugin.BmpImageFile,
    GifImagePlugin.GifImageFile,
    IcoImagePlugin.IcoImageFile,
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    TiffImagePlugin.TiffImageFile,
    WebPImagePlugin.WebPImageFile,
)
_FORMATS: Final = tuple(plugin.format for plugin in _PLUGINS)
_TYPES: Final = frozenset(
    {
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/vnd.microsoft.icon",
        "image/webp",
    }
)
# A photograph of 100 megapixels takes 300 MB; larger ones are not decoded, only described.
_MOST_PIXELS: Final = 100_000_000
_EDGE: Final = 256
_LARGEST_PICTURE: Final = 64 * 1024
_LONGEST: Final = 200
_QUALITIES: Final = (80, 60, 40)

#: A small picture: its octets, media type, width and height in pixels.
Picture = tuple[bytes, str, int, int]


def is_image(media_type: str | None) -> bool:
    """True for the types that can be read."""
    return media_type in _TYPES


def read_image(data: bytes) -> tuple[ImageFacts, set[Finding]]:
    """The facts of the image, by its header and lists; its pixels are not decoded.

    Raises:
        Unusable: it is broken, or no image.
    """
    try:
        with _opened(data) as image:
            findings = set()
            if image.width * image.height > _MOST_PIXELS:
                findings.add(Finding.DECOMPRESSION_BOMB)
            facts = ImageFacts(
                format=image.format or "",
                width=image.width,
                height=image.height,
                mode=image.mode,
                frames=getattr(image, "n_frames", 1),
                exif=_camera(image),
            )
            return facts, findings
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise Unusable(Status.BROKEN, "it is no image that can be read") from error


def small_picture(data: bytes) -> Picture:
    """A picture of the image's first frame, at most 256 pixels wide and high, and 64 KiB.

    Raises:
        Unusable: it is broken, or has too many pixels to be decoded.
    """
    try:
        with _opened(data) as image:
            # A JPEG can be decoded to an eighth of its size, which is most of the work saved.
            image.draft("RGB", (_EDGE, _EDGE))
            if image.width * image.height > _MOST_PIXELS:
                raise Unusable(Status.SKIPPED, f"it has more than {_MOST_PIXELS:,} pixels")
            image.thumbnail((_EDGE, _EDGE))
            return _encoded(image)
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise Unusable(Status.BROKEN, "its pixels cannot be read") from error


def _opened(data: bytes) -> Image.Image:
    # Our own limits hold, with the dimensions told; its guard would only refuse.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise Unusable(Status.BROKEN, "it is no image that can be read") from error


def _camera(image: Image.Image) -> Camera | None:
    if isinstance(image, PngImagePlugin.PngImageFile) and "exif" not in image.info:
        # It may still come behind the pixels, which would all have to be decoded for it.
        return None
    exif = image.getexif()
    if not exif:
        return None
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    orientation = exif.get(ExifTags.Base.Orientation)
    return Camera(
        make=_text(exif.get(ExifTags.Base.Make)),
        model=_text(exif.get(ExifTags.Base.Model)),
        software=_text(exif.get(ExifTags.Base.Software)),
        taken=_text(inner.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)),
        orientation=orientation if isinstance(orientation, int) else None,
        located=bool(exif.get_ifd(ExifTags.IFD.GPSInfo)),
    )


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip("\0 ")[:_LONGEST] or None if isinstance(value, str) else None


def _encoded(image: Image.Image) -> Picture:
    clear = "A" in image.getbands() or "transparency" in image.info
    if clear:
        octets = _written(image.convert("RGBA"), "PNG", {"optimize": True})
        if len(octets) <= _LARGEST_PICTURE:
            return octets, "image/png", image.width, image.height
        backed = Image.new("RGBA", image.size, "white")
        backed.alpha_composite(image.convert("RGBA"))
        image = backed
    flat = image.convert("RGB")
    for quality in _QUALITIES:
        octets = _written(flat, "JPEG", {"quality": quality})
        if len(octets) <= _LARGEST_PICTURE:
            break
    return octets, "image/jpeg", flat.width, flat.height


def _written(image: Image.Image, form: str, options: dict[str, int | bool]) -> bytes:
    buffer = io.BytesIO()
    # Nothing of the original's comments and EXIF goes into the picture.
    image.info = {}
    image.save(buffer, form, **options)
    return buffer.getvalue()
