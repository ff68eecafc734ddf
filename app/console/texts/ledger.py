"""The ledger and its proofs."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "ledger.title": Text("Sổ cái", "The ledger"),
    "ledger.lead": Text(
        "Mỗi sự kiện là một mục của sổ cái chỉ được ghi nối tiếp. Điểm kiểm tra là chữ ký của trục trên toàn bộ các "
        "mục tính đến lúc đó: sửa, xoá hay chèn một mục sẽ làm giá trị gốc thay đổi.",
        "Every event is an entry of a ledger that is only appended to. A checkpoint is the node's signature over all "
        "entries up to a moment: an entry that is changed, removed or put in between changes the root.",
    ),
    "ledger.size": Text("Số mục đã ký", "Entries signed for"),
    "ledger.published": Text("Điểm kiểm tra mới nhất", "Newest checkpoint"),
    "ledger.stamped": Text("Dấu thời gian", "Time stamp"),
    "ledger.stamped-size": Text("cho {size} mục", "over {size} entries"),
    "ledger.not-stamped": Text("chưa có", "none yet"),
    "ledger.waiting": Text("Mục chờ ký", "Entries not signed for yet"),
    "ledger.origin": Text("Tên sổ cái", "Name of the ledger"),
    "ledger.root": Text("Giá trị gốc", "Root"),
    "ledger.none": Text("Chưa có điểm kiểm tra nào.", "There is no checkpoint yet."),
    "ledger.find": Text("Chứng minh một sự kiện nằm trong sổ", "Prove that an event is in the ledger"),
    "ledger.show": Text("Xem mục và bằng chứng", "Show entry and proof"),
    "ledger.tree": Text("Trong cây gồm số mục", "In the tree of so many entries"),
    "ledger.body": Text("Nội dung mục, đúng từng byte được băm", "The entry, exactly the bytes that are hashed"),
    "ledger.path": Text("Đường dẫn lên gốc: {count} giá trị băm", "The way to the root: {count} hashes"),
    "ledger.path-lead": Text(
        "Băm mục này rồi lần lượt băm cùng các giá trị trên (RFC 6962) phải ra giá trị gốc của điểm kiểm tra.",
        "Hashing the entry, and then with each of these in turn (RFC 6962), must give the root of the checkpoint.",
    ),
    "ledger.proof-json": Text("Bằng chứng dạng JSON", "The proof as JSON"),
    "ledger.witnesses": Text("Bên làm chứng", "Witnesses"),
    "ledger.witnesses-lead": Text(
        "Bên làm chứng ghi nhớ điểm kiểm tra đã thấy và chỉ ký xác nhận điểm kiểm tra nối tiếp điểm trước.",
        "A witness remembers the checkpoint it saw, and signs only one that continues it.",
    ),
    "ledger.witness": Text("Bên làm chứng", "Witness"),
    "ledger.cosigned-at": Text("Ký xác nhận lúc", "Cosigned at"),
    "ledger.cosigned-size": Text("Số mục đã xác nhận", "Entries cosigned"),
    "ledger.key": Text("Khoá công khai", "Public key"),
    "ledger.not-cosigned": Text("chưa ký", "not yet"),
    "ledger.no-witnesses": Text(
        "Chưa khai báo bên làm chứng nào. Thêm khoá của họ vào thiết lập TRUC_LEDGER_WITNESSES.",
        "No witness is named. Add their keys to the setting TRUC_LEDGER_WITNESSES.",
    ),
    "ledger.check": Text("Tự kiểm tra", "Check it yourself"),
    "ledger.check-lead": Text(
        "Không cần tin trang này: điểm kiểm tra, khoá, cây băm và bằng chứng được công khai theo định dạng C2SP mà "
        "nhiều công cụ độc lập đọc được. Hãy đối chiếu khoá của sổ cái một lần qua kênh khác.",
        "You need not believe this page: checkpoint, keys, tree and proofs are public in the formats of C2SP, which "
        "independent tools read. Compare the key of the ledger once by another way.",
    ),
    "ledger.keys": Text("Khoá của sổ cái", "Keys of the ledger"),
    "ledger.note": Text("Điểm kiểm tra đã ký", "The signed checkpoint"),
    "ledger.commands": Text("Lệnh kiểm tra", "Commands"),
    "ledger.limits": Text(
        "Sổ cái chứng minh rằng điều đã ghi không bị thay đổi; không chứng minh rằng điều được ghi là đúng, hoặc mọi "
        "việc đều đã được ghi.",
        "The ledger proves that what was recorded has not changed; not that what was recorded is true, nor that "
        "everything was recorded.",
    ),
}
"""By key."""
