"""The agencies' own live systems of the demo city, played by one process beside the hub. None of it is the hub's.

BMKG's rain posts report to a broker of their own (`gauges`, `broker`); a service of Dishub tells where its buses are
(`buses`, `service`). Both say of themselves that they are simulated, and from what.
"""
