#!/usr/bin/env bash
# The long run of the simulation, and the proof that its checker works.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
./dev sim --seeds 100000
python3 tests/sim/broken_builds.py
