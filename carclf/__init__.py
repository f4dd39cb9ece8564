"""Which car model is this? Picture classification by transfer learning."""
