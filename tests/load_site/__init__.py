"""The example project as compose.yaml runs it, with two receivers that count how often they ran."""
