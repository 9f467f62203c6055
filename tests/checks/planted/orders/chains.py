"""A workflow that does nothing wrong itself: everything is far below it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .layers import prices
    from .layers.carts import Cart, Discount, open_cart
    from .layers.decorated import counted, retried


@workflow.defn
class ChainWorkflow:
    def __init__(self) -> None:
        self._cart = Cart("x")

    @workflow.run
    async def run(self, discount: Discount) -> float:
        total = prices.total([1, 2])
        discount.of(total)
        self._cart.label
        with open_cart() as cart:
            cart.fill()
        for item in self._cart:
            del item
        self._tagged()
        counted()
        retried()
        return total


    def _tagged(self) -> None:
        Cart.tagged()
        f"{self._cart}"
        self._cart["key"]
        len(self._cart)
