"""The benchmark: floors as ratios to yardsticks of the same run. It is no part of the product."""
