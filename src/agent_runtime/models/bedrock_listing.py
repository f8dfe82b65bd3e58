"""The models of an AWS account's Bedrock: foundation models that answer on demand, and inference profiles."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from agent_runtime.models.bedrock_client import client_arguments
from agent_runtime.models.providers import ProviderSettings

LISTING_SECONDS = 10


def list_bedrock_models(settings: ProviderSettings) -> list[tuple[str, str]]:
    """Pairs of model id and display name. Blocks on the network: call it in a thread."""
    endpoint = settings.aws.get("AWS_ENDPOINT_URL_BEDROCK") or settings.base_url
    config = Config(
        connect_timeout=LISTING_SECONDS,
        read_timeout=LISTING_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    client = boto3.client("bedrock", endpoint_url=endpoint, config=config, **client_arguments(settings))
    listed = client.list_foundation_models(byOutputModality="TEXT")["modelSummaries"]
    models = [
        (str(entry["modelId"]), str(entry.get("modelName") or entry["modelId"])) for entry in listed if _usable(entry)
    ]
    return models + _inference_profiles(client)


def _usable(entry: dict[str, Any]) -> bool:
    return bool(entry.get("responseStreamingSupported")) and "ON_DEMAND" in entry.get("inferenceTypesSupported", [])


def _inference_profiles(client: Any) -> list[tuple[str, str]]:
    """Many newer models answer only under the id of a profile. Old accounts and fakes may not know the call."""
    try:
        listed = client.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]
    except client.exceptions.ClientError:
        return []
    return [(str(entry["inferenceProfileId"]), str(entry["inferenceProfileName"])) for entry in listed]
