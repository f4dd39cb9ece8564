"""The ten body styles of the generated data set as side profiles. Stdlib only."""

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Body:
    """Nominal shape of one body style.

    Metres: x runs from the front bumper to the rear, y from the road upwards.
    `roof` is None for an open car and otherwise (front x, rear x, fall of the rear edge).
    """

    length: float
    height: float
    width: float
    axles: Point
    wheel: float  # radius with tyre
    clearance: float
    nose: float  # height of the bonnet's front edge
    cowl: Point  # foot of the windscreen
    roof: tuple[float, float, float] | None
    tail: Point  # foot of the rear window, or end of the cab
    deck: float  # height of the rear edge below the window
    doors: tuple[float, ...]  # x of the shut lines
    pillars: tuple[float, ...] = ()  # x of the posts between the side windows
    glass_end: float | None = None  # x where the side windows stop; None: at the rear post
    rails: float = 0.0  # share of cars with roof rails
    bed: bool = False  # an open load bed behind the cab
    tall_lights: bool = False  # upright rear lights beside a tailgate


BODIES: dict[str, Body] = {
    "sedan": Body(
        4.75,
        1.45,
        1.82,
        (0.92, 3.68),
        0.33,
        0.18,
        0.74,
        (1.45, 0.97),
        (2.2, 3.2, 0.05),
        (3.98, 1.03),
        0.98,
        (1.5, 2.68, 3.6),
        (2.7,),
    ),
    "hatchback": Body(
        4.0,
        1.48,
        1.76,
        (0.82, 3.36),
        0.32,
        0.18,
        0.76,
        (1.22, 1.0),
        (1.92, 3.25, 0.08),
        (3.82, 1.03),
        0.93,
        (1.3, 2.38, 3.2),
        (2.4, 3.2),
        tall_lights=True,
    ),
    "wagon": Body(
        4.85,
        1.47,
        1.82,
        (0.92, 3.70),
        0.33,
        0.18,
        0.74,
        (1.45, 0.98),
        (2.2, 4.3, 0.06),
        (4.68, 1.02),
        0.93,
        (1.5, 2.7, 3.62),
        (2.72, 3.66),
        rails=0.6,
        tall_lights=True,
    ),
    "coupe": Body(
        4.5,
        1.27,
        1.86,
        (0.95, 3.55),
        0.345,
        0.14,
        0.64,
        (1.62, 0.88),
        (2.4, 2.85, 0.03),
        (4.12, 0.98),
        0.96,
        (1.68, 3.0),
        (3.0,),
    ),
    "convertible": Body(
        4.2,
        1.24,
        1.80,
        (0.88, 3.36),
        0.335,
        0.15,
        0.66,
        (1.62, 0.89),
        None,
        (3.2, 0.93),
        0.86,
        (1.72, 2.85),
    ),
    "suv": Body(
        4.6,
        1.88,
        1.94,
        (0.9, 3.55),
        0.42,
        0.29,
        1.08,
        (1.3, 1.22),
        (1.86, 4.22, 0.05),
        (4.5, 1.24),
        1.1,
        (1.42, 2.5, 3.4),
        (2.52, 3.45),
        rails=0.75,
        tall_lights=True,
    ),
    "pickup": Body(
        5.35,
        1.80,
        1.92,
        (0.98, 4.15),
        0.40,
        0.29,
        1.04,
        (1.45, 1.18),
        (2.05, 3.0, 0.05),
        (3.32, 1.14),
        1.12,
        (1.5, 2.5, 3.3),
        (2.52,),
        bed=True,
        tall_lights=True,
    ),
    "minivan": Body(
        4.7,
        1.76,
        1.86,
        (0.9, 3.74),
        0.335,
        0.18,
        0.80,
        (0.98, 1.08),
        (2.0, 4.05, 0.07),
        (4.55, 1.12),
        0.98,
        (1.5, 2.5, 3.55),
        (1.62, 2.55, 3.58),
        rails=0.3,
        tall_lights=True,
    ),
    "van": Body(
        5.4,
        2.35,
        2.0,
        (0.95, 4.2),
        0.35,
        0.21,
        0.98,
        (0.85, 1.26),
        (1.62, 5.2, 0.03),
        (5.36, 1.35),
        1.0,
        (1.05, 2.15, 3.45),
        (),
        glass_end=2.12,
        tall_lights=True,
    ),
    "microcar": Body(
        2.65,
        1.55,
        1.62,
        (0.44, 2.24),
        0.29,
        0.18,
        0.84,
        (0.52, 1.02),
        (1.06, 2.2, 0.05),
        (2.52, 1.06),
        0.9,
        (0.72, 1.72),
        (1.72,),
        tall_lights=True,
    ),
}
STYLES: tuple[str, ...] = tuple(BODIES)
