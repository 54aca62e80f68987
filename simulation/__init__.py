"""The world outside, simulated: market, venue, chain, registries, gateways, clients' behaviour."""
