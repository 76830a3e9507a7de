"""The decoders of all dialects, by name."""

from ingestion.dialects import availity, buildless, sunbird

DECODERS = {decoder.name: decoder for decoder in (availity.DECODER, sunbird.DECODER, buildless.DECODER)}
