"""Program that compiles what callers may say for the recogniser, then ends.

Counting the sentences of a script takes half a second of Python, ranking the words of general
English a second: no worker with live calls can spare that on its event loop or under its
interpreter lock. An `Order` (JSON) on standard input; exit status 0 and dictionary and language
model on standard output, or 2 and the reason.
"""

import sys
from dataclasses import dataclass
from typing import Final

from switchboard_agent.stt.dictionary import UnknownWordsError, base_dictionary, pronounce
from switchboard_agent.stt.language_model import count, sentences, to_arpa
from switchboard_agent.stt.priority import give_way
from switchboard_agent.stt.recognizer import GENERAL, general_language_model
from switchboard_agent.stt.vocabulary import general_vocabulary
from switchboard_agent.stt.wire import pack_parts
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.crd.meta import Model
from switchboard_contract.dialog import Script

REFUSED: Final = 2
"""Exit status for a script that cannot be compiled."""


class Order(Model):
    """What is to be compiled: a script, or the words of a prompt."""

    script: Script | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """Files of a recogniser for one agent revision."""

    dictionary: bytes
    language_model: bytes


def order_of(config: AgentConfig) -> str:
    """The order for an agent revision, as JSON; the same for revisions that are heard alike."""
    prompt = config.prompt
    words = f"{prompt.greeting} {prompt.instructions}" if prompt is not None else ""
    said = f"{config.persona.name} {config.persona.business} {words}" if prompt else ""
    return Order(script=config.script, prompt=said).model_dump_json(by_alias=True)


def compile_script(script: Script) -> CompiledModel:
    """Dictionary and language model. Raises `UnknownWordsError`."""
    likely = sentences(script)
    words = {word for sentence in likely for word in sentence}
    dictionary = pronounce(words, base_dictionary(), script.pronunciations)
    return CompiledModel(dictionary.encode(), to_arpa(count(likely)).encode())


def compile_prompt(prompt: str) -> CompiledModel:
    """Dictionary of general English and the prompt's words; the language model is the library's.

    That model does not know all words of the prompt; those it does not know it cannot give.
    """
    base = base_dictionary()
    words = general_vocabulary(prompt, base, general_language_model())
    return CompiledModel(pronounce(words, base, {}).encode(), GENERAL)


def main() -> int:
    """Compile the order on standard input."""
    give_way()
    order = Order.model_validate_json(sys.stdin.buffer.read())
    try:
        model = compile_script(order.script) if order.script else compile_prompt(order.prompt)
    except UnknownWordsError as error:
        sys.stdout.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(pack_parts(model.dictionary, model.language_model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
