"""Which providers are configured, from the usual variables and the endpoints' JSON."""

import pytest

from agent_runtime.domain.errors import ConfigurationError, ModelCallFailed
from agent_runtime.models import ModelOptions, ModelReference, Providers, open_chat_model


def test_scripted_is_always_there() -> None:
    assert Providers.from_environment({}).names() == ["scripted"]


def test_the_usual_variables_configure_their_providers() -> None:
    environment = {
        "OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "GEMINI_API_KEY": "c", "AWS_PROFILE": "d", "OTHER": "e",
        "OPENAI_BASE_URL": "http://localhost:1/v1",
    }  # fmt: skip
    providers = Providers.from_environment(environment)
    assert providers.names() == ["anthropic", "bedrock", "google", "openai", "scripted"]
    openai = providers.get("openai")
    assert openai is not None
    assert openai.base_url == "http://localhost:1/v1"


def test_keys_do_not_show_in_a_representation() -> None:
    providers = Providers.from_environment({"OPENAI_API_KEY": "topsecret", "AWS_ACCESS_KEY_ID": "topsecret"})
    assert "topsecret" not in repr([providers.get(name) for name in providers.names()])


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY"), ("google", "GOOGLE_API_KEY"),
     ("bedrock", "AWS_ACCESS_KEY_ID"), ("ollama", "PAR_OPENAI_COMPATIBLE")],
)  # fmt: skip
def test_a_missing_provider_says_which_variable_to_set(provider: str, variable: str) -> None:
    with pytest.raises(ModelCallFailed, match=variable) as caught:
        open_chat_model(ModelReference(provider, "some-model"), ModelOptions(), Providers.from_environment({}))
    assert (caught.value.code, caught.value.retryable) == ("provider_missing", False)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"openai": {"base_url": "http://x"}}', '{"a": {}}', '{"a": {"base_url": "ftp://x"}}', '{"A b": {}}',
     '{"a": {"base_url": "http://x", "key": "y"}}', '{"a": {"base_url": "http://x", "api_key": 5}}'],
)  # fmt: skip
def test_wrong_endpoints_name_the_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="PAR_OPENAI_COMPATIBLE"):
        Providers.from_environment({}, text)


def test_an_endpoint_without_a_key_gets_a_placeholder() -> None:
    endpoint = Providers.from_environment({}, '{"ollama": {"base_url": "http://x/v1/", "api_key": null}}').get("ollama")
    assert endpoint is not None
    assert endpoint.api_key
    assert endpoint.base_url == "http://x/v1"


def test_what_a_library_refuses_is_a_configuration_error() -> None:
    providers = Providers.from_environment({"AWS_ACCESS_KEY_ID": "sekret-1", "AWS_SECRET_ACCESS_KEY": "sekret-2"})
    with pytest.raises(ModelCallFailed) as caught:
        open_chat_model(ModelReference("bedrock", "arn:aws:nonsense"), ModelOptions(), providers)
    assert caught.value.code == "invalid_config"
    assert "sekret" not in str(caught.value)
