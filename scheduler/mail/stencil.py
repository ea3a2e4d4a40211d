from scheduler.stencil import *  # noqa
