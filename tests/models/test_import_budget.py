"""What an import loads: memory and start-up time of processes that never call a model."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src"
HEAVY = ("openai", "anthropic", "google.genai", "boto3", "botocore", "langchain_openai", "langchain_anthropic",
         "langchain_google_genai", "langchain_aws")  # fmt: skip


def loaded_after(statement: str, watched: tuple[str, ...]) -> str:
    program = f"import sys\n{statement}\nprint([name for name in {watched!r} if name in sys.modules])"
    environment = {"PYTHONPATH": str(SOURCES), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import agent_runtime.models",
        "from agent_runtime.models import open_chat_model, usage_of",
        "from agent_runtime.models import catalog; catalog()",
    ],
)
def test_no_provider_sdk_is_loaded(statement: str) -> None:
    assert loaded_after(statement, HEAVY) == "[]"


def test_what_the_api_needs_loads_no_langchain() -> None:
    statement = "from agent_runtime.models import Providers, ModelRecord, catalog, discover; catalog()"
    assert loaded_after(statement, ("langchain_core", "langchain", "langgraph", *HEAVY)) == "[]"


def test_a_scripted_model_needs_no_sdk() -> None:
    statement = (
        "from agent_runtime.models import *\n"
        "open_chat_model(ModelReference('scripted', 'default'), ModelOptions(), Providers.from_environment({}))"
    )
    assert loaded_after(statement, HEAVY) == "[]"
