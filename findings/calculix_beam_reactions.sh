#!/usr/bin/env bash
# CalculiX 2.20 (Debian 12, calculix-ccx 2.20-1): total reaction of a clamped B32R beam.
#
# A beam of ten diameters is clamped in all six degrees of freedom and loaded by 1 across its tip.
# The reaction must be (0, -1, 0). The total that *NODE PRINT, TOTALS=ONLY prints depends on the
# direction n1 of the round section, although the section has none:
#
#   n1 = 0,1,0      0.00  -1.00    0.00
#   n1 = 0,0,1     -0.11  -1.00  -18.18
#   n1 = 0,1,2     -0.05  -1.00   -9.09
#
# Tip and energy are the same in all three. In gen3dboun.f a rotation that is held in a node of one
# beam becomes a mean rotation of the section's eight nodes; the forces of these equations enter the
# total. A node where beams of two directions meet is a rigid knot instead. With a short beam more
# in the clamped node, which carries nothing, the reaction is right for every n1:
#
#   n1 = 0,0,1 and a short beam     0.00  -1.00   0.00
#
# Seen on x86-64. The script exits with 1 when the behaviour has changed, with 2 when it cannot run.
set -euo pipefail

packages=(
  calculix-ccx=2.20-1 libspooles2.2=2.2-14 libarpack2=3.8.0-3 libblas3=3.11.0-2 liblapack3=3.11.0-2
  libgfortran5 libquadmath0 libopenmpi3 libhwloc15 libevent-core-2.1-7 libevent-pthreads-2.1-7
)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if ! apt-get download "${packages[@]}" >download.log 2>&1; then
  cat download.log >&2
  echo "The packages cannot be downloaded; expected Debian 12 and a recent apt-get update." >&2
  exit 2
fi
for package in *.deb; do dpkg -x "$package" root; done
libraries=(root/usr/lib/*-linux-gnu root/usr/lib/*-linux-gnu/{blas,lapack})
LD_LIBRARY_PATH=$(IFS=:; echo "${libraries[*]/#/$folder/}")
export LD_LIBRARY_PATH

# Total reaction of the clamped node: reaction N1 [short beam: yes]
reaction() {
  {
    echo '*NODE, NSET=ALL'
    printf '%s\n' 1,0,0,0 2,2.5,0,0 3,5,0,0 4,7.5,0,0 5,10,0,0
    if [ "${2:-}" ]; then printf '%s\n' 6,0,0.25,0 7,0,0.5,0; fi
    printf '%s\n' '*ELEMENT, TYPE=B32R, ELSET=BEAM' 1,1,2,3 2,3,4,5
    printf '%s\n' '*MATERIAL, NAME=BASE' '*ELASTIC' 100000.,0.3
    printf '%s\n' '*BEAM SECTION, ELSET=BEAM, MATERIAL=BASE, SECTION=CIRC' 1.,1. "$1"
    if [ "${2:-}" ]; then
      printf '%s\n' '*ELEMENT, TYPE=B32R, ELSET=SHORT' 3,1,6,7
      printf '%s\n' '*BEAM SECTION, ELSET=SHORT, MATERIAL=BASE, SECTION=CIRC' 1.,1. 1.,0.,0.
    fi
    printf '%s\n' '*NSET, NSET=CLAMP' 1 '*BOUNDARY' CLAMP,1,6
    printf '%s\n' '*STEP' '*STATIC' '*CLOAD' 5,2,1. '*NODE PRINT, NSET=CLAMP, TOTALS=ONLY' RF
    echo '*END STEP'
  } >beam.inp
  root/usr/bin/ccx -i beam >ccx.log || { cat ccx.log >&2; exit 2; }
  awk 'NF == 3 {print}' beam.dat
}

changed=0
# check NAME "FX FY FZ" FORCE_Z: whether the total has FY = -1 and the given FZ, within 0.01
check() {
  printf '%-30s %s\n' "$1" "$2"
  awk -v z="$3" '{exit !(($2 + 1)^2 < 1e-4 && ($3 - z)^2 < 1e-4)}' <<<"$2" || changed=1
}
check "n1 = 0,1,0" "$(reaction 0.,1.,0.)" 0
check "n1 = 0,0,1" "$(reaction 0.,0.,1.)" -18.176
check "n1 = 0,1,2" "$(reaction 0.,1.,2.)" -9.088
check "n1 = 0,0,1 and a short beam" "$(reaction 0.,0.,1. yes)" 0
if [ "$changed" = 1 ]; then echo "The behaviour has changed." >&2; fi
exit "$changed"
