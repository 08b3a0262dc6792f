"""Which values stand out among others."""

from statistics import median

DEVIATION = 1.4826  # times the median distance from the median, in a normal distribution


def stand_out(values: list[float], threshold: float) -> list[bool]:
    middle = median(values)
    spread = DEVIATION * median(abs(value - middle) for value in values)
    return [abs(value - middle) > threshold * spread for value in values]