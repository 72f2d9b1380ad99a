"""English number words shared by the slot types."""

ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = ("twenty", "thirty", "forty", "fifty")

SMALL = {word: value for value, word in enumerate((*ONES, *TEENS))}
"""zero to nineteen."""

ROUND = {word: 20 + 10 * index for index, word in enumerate(TENS)}

ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
)
ORDINAL = {word: index + 1 for index, word in enumerate(ORDINALS)} | {"thirtieth": 30}


def number_words(value: int) -> str:
    """0 to 59 in words."""
    small = (*ONES, *TEENS)
    if value < len(small):
        return small[value]
    tens, ones = divmod(value, 10)
    return TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")


def ordinal_words(value: int) -> str:
    """1 to 31 in words."""
    for word, number in ORDINAL.items():
        if number == value:
            return word
    tens, ones = divmod(value, 10)
    return f"{TENS[tens - 2]} {ORDINALS[ones - 1]}"
