"""Word errors between what was said and what was heard."""


def word_errors(said: str, heard: str) -> int:
    """Fewest words replaced, left out or added (Levenshtein)."""
    words = heard.split()
    row = list(range(len(words) + 1))
    for index, word in enumerate(said.split(), 1):
        above, row = row, [index]
        for at, other in enumerate(words, 1):
            row.append(min(above[at] + 1, row[-1] + 1, above[at - 1] + (word != other)))
    return row[-1]
