"""The city's accent colour, made readable on light and on dark pages. The rest of the style is in `static/`."""

from __future__ import annotations

import colorsys
import re

LIGHT_SURFACE = "#ffffff"
DARK_SURFACE = "#151b1b"
DEFAULT_ACCENT = "#0f766e"
# WCAG 2.2 SC 1.4.3 asks 4.5; the margin keeps it on the sunken surfaces too.
CONTRAST_MIN = 5.2
_STEP = 0.01


def theme_css(accent: str) -> str:
    """Return the style sheet that carries a city's accent, for both colour schemes."""
    colour = accent.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", accent) else DEFAULT_ACCENT
    light, dark = _readable(colour, LIGHT_SURFACE, -_STEP), _readable(colour, DARK_SURFACE, _STEP)
    return (
        f":root{{--accent:{light};--on-accent:#ffffff}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:#08110f}}}}\n"
    )


def _readable(colour: str, surface: str, step: float) -> str:
    """Return the colour made darker or lighter until its contrast with the surface is enough."""
    red, green, blue = _channels(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    while contrast(colour, surface) < CONTRAST_MIN and 0 < lightness + step < 1:
        lightness += step
        channels = colorsys.hls_to_rgb(hue, lightness, saturation)
        colour = "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
    return colour


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2.2 defines it."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[float, float, float]:
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255
