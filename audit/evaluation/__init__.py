"""The evaluation of a programme: what was asked and done, site by site, estimated by the methods stated in advance."""
