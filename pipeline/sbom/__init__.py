"""The software bill of materials: what the production lock installs, as CycloneDX and as SPDX."""
