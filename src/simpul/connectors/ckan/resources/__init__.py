"""How resources of a portal are put together to one reading. The portal is asked elsewhere."""
